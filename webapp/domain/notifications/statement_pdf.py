"""A statement on paper, in sheets of so many lines that drawing them takes little memory however many."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from webapp.core.errors import Invalid
from webapp.domain.notifications.letter import Letter, address_lines, letterhead, shortened
from webapp.domain.organizations import Organization

MOST_LINES = 2_000
OF_A_SHEET = 200


class TooLong(Invalid):
    message = f"A statement of more than {MOST_LINES:,} lines is too long for paper."
    next_step = "Choose fewer days, or take the CSV file, which has every line."


@dataclass(frozen=True)
class PaperLine:
    dated: date
    words: str
    amount: int
    balance: int


@dataclass(frozen=True)
class Holder:
    """Whose statement it is, and where it goes."""

    name: str
    number: str
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class StatementPaper(Letter):
    """One sheet. `before` is what was owed before its first line, `owed` at the end of the whole statement;
    less than zero is held. `part` of `parts`."""

    kind: ClassVar[str] = "statement"
    template: ClassVar[str] = "pdf/statement.html"
    design: ClassVar[int] = 1

    since: date
    until: date
    lines: tuple[PaperLine, ...]
    opening: int
    before: int
    owed: int
    part: int
    parts: int


def papers_of(
    lines: Sequence[PaperLine],
    holder: Holder,
    organization: Organization,
    *,
    since: date,
    until: date,
    opening: int,
    test_mode: bool = False,
) -> Iterator[StatementPaper]:
    """TooLong when there are more lines than anybody reads on paper."""
    if len(lines) > MOST_LINES:
        raise TooLong
    sheets = [tuple(lines[at : at + OF_A_SHEET]) for at in range(0, max(len(lines), 1), OF_A_SHEET)]
    owed, before = lines[-1].balance if lines else opening, opening
    for part, sheet in enumerate(sheets, 1):
        yield StatementPaper(
            **letterhead(organization, test_mode=test_mode),
            number=holder.number,
            recipient=(shortened(holder.name), *address_lines(holder.address)),
            particulars=(),
            issued_on=until,
            since=since,
            until=until,
            lines=sheet,
            opening=opening,
            before=before,
            owed=owed,
            part=part,
            parts=len(sheets),
        )
        before = sheet[-1].balance if sheet else before
