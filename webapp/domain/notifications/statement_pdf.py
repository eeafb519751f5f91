"""A statement on paper, in sheets of so many lines that drawing them takes little memory however many."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import ClassVar

from webapp.core.errors import Invalid
from webapp.domain.notifications.letter import Letter, address_lines, letterhead, shortened
from webapp.domain.organizations import Organization
from webapp.domain.reporting.statements import Line, Statement

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

    @property
    def file_name(self) -> str:
        return f"{self.kind}-{self.number}-{self.until}.pdf"


def papers_of(
    found: Statement, holder: Holder, organization: Organization, *, test_mode: bool = False
) -> Iterator[StatementPaper]:
    """Sheet by sheet, its lines read when the one before is drawn. TooLong when there are more lines than
    anybody reads on paper."""
    if found.count > MOST_LINES:
        raise TooLong
    words = _words if found.account.member_id else _words_and_name
    parts = max(-(-found.count // OF_A_SHEET), 1)
    before, every = found.opening, found.all()
    for part in range(1, parts + 1):
        lines = list(islice(every, OF_A_SHEET))
        yield StatementPaper(
            **letterhead(organization, test_mode=test_mode),
            number=holder.number,
            recipient=(shortened(holder.name), *address_lines(holder.address)),
            particulars=(),
            issued_on=found.until,
            since=found.since,
            until=found.until,
            lines=tuple(PaperLine(one.dated, words(one), one.amount, one.balance) for one in lines),
            opening=found.opening,
            before=before,
            owed=found.closing,
            part=part,
            parts=parts,
        )
        before = lines[-1].balance if lines else before


def _words(line: Line) -> str:
    return line.sentence


def _words_and_name(line: Line) -> str:
    """Where not every line is of the same member."""
    return f"{line.sentence} · {line.member}"
