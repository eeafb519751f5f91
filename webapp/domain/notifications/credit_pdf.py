"""A credit note as a letter: what stands on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote, CreditState
from webapp.domain.notifications.letter import Letter, address_lines, letterhead
from webapp.domain.organizations import Organization


@dataclass(frozen=True, kw_only=True)
class CreditLetter(Letter):
    """The note comes with its member and chapter.

    `amount` is in minor units of `currency`; `uses` is what became of it, and `remaining` what it holds.
    """

    kind: ClassVar[str] = "credit-note"
    template: ClassVar[str] = "pdf/credit_note.html"
    design: ClassVar[int] = 1

    note_id: UUID
    origin: str
    reason: str | None
    amount: int
    uses: tuple[tuple[str, int], ...]
    remaining: int
    withdrawn: bool


def letter_of(
    note: CreditNote,
    applications: Sequence[CreditApplication],
    organization: Organization,
    *,
    test_mode: bool = False,
) -> CreditLetter:
    """The letter as of now."""
    words = organization.vocabulary
    return CreditLetter(
        **letterhead(organization, test_mode=test_mode),
        note_id=note.id,
        number=note.number,
        recipient=(note.member.name, *address_lines(note.member.address)),
        particulars=((f"{words.member} no.", note.member.number), (words.chapter, note.chapter.name)),
        issued_on=note.issued_on,
        origin=note.origin.label,
        reason=note.reason,
        amount=note.amount,
        uses=tuple(_uses(note, applications)),
        remaining=note.remaining,
        withdrawn=note.state is CreditState.WITHDRAWN,
    )


def _uses(note: CreditNote, applications: Sequence[CreditApplication]) -> list[tuple[str, int]]:
    live = [one for one in applications if one.undone_at is None]
    uses = [(f"Applied to invoice {one.invoice.number}", one.amount) for one in live]
    other = note.used - sum(one.amount for one in live)
    if other:
        uses.append((note.state.label, other))
    if note.passed_on:
        uses.append(("Carried to another credit note", note.passed_on))
    return uses
