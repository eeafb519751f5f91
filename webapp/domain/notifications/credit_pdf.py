"""A credit note as a letter: what stands on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote, CreditState
from webapp.domain.notifications.pdf import address_lines, hash_of
from webapp.domain.organizations import Organization

DESIGN = 1


@dataclass(frozen=True)
class CreditLetter:
    """All that the page shows, as plain facts. The note comes with its member and chapter.

    `amount` is in minor units of `currency`; `uses` is what became of it, and `remaining` what it holds.
    """

    template: ClassVar[str] = "pdf/credit_note.html"

    note_id: UUID
    number: str
    language: str
    locale: str
    paper: str
    currency: str
    organization: str
    organization_address: tuple[str, ...]
    reply_to: str | None
    logo: bytes | None
    recipient: tuple[str, ...]
    particulars: tuple[tuple[str, str], ...]
    issued_on: date
    origin: str
    reason: str | None
    amount: int
    uses: tuple[tuple[str, int], ...]
    remaining: int
    withdrawn: bool
    specimen: bool

    @property
    def address_in_code(self) -> str | None:
        """There is nothing to pay."""
        return None

    @property
    def content_hash(self) -> str:
        return hash_of(DESIGN, self)

    @property
    def file_name(self) -> str:
        return f"credit-note-{self.number}.pdf"


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
        note_id=note.id,
        number=note.number,
        language="en",
        locale=organization.locale,
        paper=organization.paper_size.value.lower(),
        currency=note.currency,
        organization=organization.name,
        organization_address=address_lines(organization.address),
        reply_to=organization.reply_to,
        logo=organization.logo,
        recipient=(note.member.name, *address_lines(note.member.address)),
        particulars=((f"{words.member} no.", note.member.number), (words.chapter, note.chapter.name)),
        issued_on=note.issued_on,
        origin=note.origin.label,
        reason=note.reason,
        amount=note.amount,
        uses=tuple(_uses(note, applications)),
        remaining=note.remaining,
        withdrawn=note.state is CreditState.WITHDRAWN,
        specimen=organization.is_demo or test_mode,
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
