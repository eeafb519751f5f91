"""Money held for a member that is attached to no invoice."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit
from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references, references_organization
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.jobs import Job, later
from webapp.domain.billing import numbering
from webapp.domain.ledger import Code, Event, Move, Side, post
from webapp.domain.organizations import Chapter, Login, Member


class Origin(StrEnum):
    """Where the money of a credit note comes from."""

    OVERPAYMENT = "overpayment"
    VOIDED_INVOICE = "voided_invoice"
    GOODWILL = "goodwill"
    REMAINDER = "remainder"
    UNDONE = "undone"
    FAILED_REFUND = "failed_refund"

    @property
    def label(self) -> str:
        return _ORIGIN_LABELS.get(self, self.value.replace("_", " ").capitalize())


_ORIGIN_LABELS = {
    Origin.OVERPAYMENT: "Over-payment",
    Origin.REMAINDER: "Rest of another credit note",
    Origin.UNDONE: "Taken off an invoice",
}


TOLD = (Origin.OVERPAYMENT, Origin.VOIDED_INVOICE, Origin.GOODWILL, Origin.FAILED_REFUND)
"""What the member gets a letter about. The others only carry on a note that the member has."""


class CreditState(StrEnum):
    """`open`: to be used. `held`: to be given back or withdrawn, and nobody can use it until that is decided.

    `applied`, `released`, `withdrawn`: what is not passed on to another note settles invoices, went back to
    the payer, or is gone because its payment, or the goodwill, was taken back.
    """

    OPEN = "open"
    HELD = "held"
    APPLIED = "applied"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return self.value.capitalize()


class CreditNoteCounter(numbering.Counter, Base):
    __tablename__ = "credit_note_counters"
    __table_args__ = (references_organization(), UniqueConstraint("organization_id", "year"))


class CreditNote(OrganizationRow, Base):
    """Amounts in minor units. A note is used once, as a whole: what is not needed of it, or comes back later,
    is `passed_on` to new notes that name it as their parent. `remaining` is what it holds now.

    `payment_id` is the payment the money came with, none for goodwill; `invoice_id` the voided invoice.
    """

    __tablename__ = "credit_notes"

    year: Mapped[int]
    sequence: Mapped[int]
    number: Mapped[str]
    member_id: Mapped[UUID]
    chapter_id: Mapped[UUID]
    amount: Mapped[int]
    currency: Mapped[str]
    origin: Mapped[Origin]
    state: Mapped[CreditState] = mapped_column(default=CreditState.OPEN)
    passed_on: Mapped[int] = mapped_column(default=0)
    remaining: Mapped[int] = mapped_column(
        Computed("CASE WHEN state IN ('open', 'held') THEN amount ELSE 0 END", persisted=True)
    )
    payment_id: Mapped[UUID | None]
    invoice_id: Mapped[UUID | None]
    parent_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    withdrawal_reason: Mapped[str | None]
    withdrawn_on: Mapped[date | None]
    issued_on: Mapped[date]
    opened_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    member: Mapped[Member] = belongs_to("CreditNote.member_id", "Member")
    chapter: Mapped[Chapter] = belongs_to("CreditNote.chapter_id", "Chapter")

    __table_args__ = (
        references("members", "member_id"),
        references("chapters", "chapter_id"),
        references("payments", "payment_id"),
        references("invoices", "invoice_id"),
        references("credit_notes", "parent_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        CheckConstraint("passed_on BETWEEN 0 AND amount", "passes_on_a_part"),
        CheckConstraint("state NOT IN ('open', 'held') OR passed_on = 0", "used_as_a_whole"),
        CheckConstraint("origin <> 'remainder' OR parent_id IS NOT NULL", "a_rest_names_its_parent"),
        CheckConstraint("origin <> 'goodwill' OR reason IS NOT NULL", "goodwill_has_a_reason"),
        CheckConstraint(
            "origin <> 'goodwill' OR state <> 'withdrawn' OR withdrawal_reason IS NOT NULL",
            "goodwill_is_withdrawn_with_a_reason",
        ),
        UniqueConstraint("organization_id", "year", "sequence"),
        Index("ix_credit_notes_member", "organization_id", "member_id", "id"),
        Index("ix_credit_notes_chapter", "organization_id", "chapter_id", "id"),
        Index("ix_credit_notes_payment", "organization_id", "payment_id"),
        Index("ix_credit_notes_parent", "organization_id", "parent_id"),
        Index("ix_credit_notes_remaining", "organization_id", "id", postgresql_where="remaining > 0"),
    )

    @property
    def is_open(self) -> bool:
        return self.state is CreditState.OPEN

    @property
    def is_goodwill(self) -> bool:
        """Nobody paid for it, whatever it was a part of before."""
        return self.payment_id is None

    @property
    def used(self) -> int:
        """What of it was not passed on: settles invoices, went back, or is gone."""
        return 0 if self.state in (CreditState.OPEN, CreditState.HELD) else self.amount - self.passed_on

    @property
    def account(self) -> Side:
        """Where the books keep it."""
        return Side(Code.CREDIT_NOTES, self.chapter_id, self.member_id)

    def refuse_outside(self, chapter_id: UUID) -> None:
        if self.chapter_id != chapter_id:
            raise NotFound

    def refuse_unless_open(self) -> None:
        if not self.is_open:
            raise Conflict(
                f"Credit note {self.number} is {_STANDS[self.state]}.",
                next_step="Load it again to see what became of it.",
            )

    def hold(self, *, by: Login | None) -> None:
        """The payer wants it back: it stays as it is until somebody has decided."""
        self.refuse_unless_open()
        self.state = CreditState.HELD
        audit.record("held", self, by=by, after={"amount": self.amount})

    def let_go(self, *, by: Login | None) -> None:
        """It is not given back after all, and can be used again."""
        assert self.state is CreditState.HELD, "Only what is held can be let go"
        self.state = CreditState.OPEN
        audit.record("let go", self, by=by, after={"amount": self.amount})

    def release(self, amount: int, *, on: date, by: Login | None) -> "CreditNote | None":
        """This much goes back to the payer; the rest is a new note. Who calls posts it: 2110 to the money."""
        return self._end(CreditState.RELEASED, amount, on=on, by=by)

    def take_back(
        self, amount: int, *, reason: str | None = None, on: date, by: Login | None
    ) -> "CreditNote | None":
        """This much is gone with its payment or the goodwill; the rest is a new note. Who calls posts it."""
        self.withdrawal_reason, self.withdrawn_on = reason, on
        later(
            Job.ANNOUNCE,
            once=f"credit_note_withdrawn:{self.id}",
            what="credit_note_withdrawn",
            note_id=self.id,
        )
        return self._end(CreditState.WITHDRAWN, amount, on=on, by=by)

    def use(self, amount: int, *, on: date, by: Login | None) -> "CreditNote | None":
        """This much settles invoices; the rest is a new note."""
        self.refuse_unless_open()
        return self._end(CreditState.APPLIED, amount, on=on, by=by)

    def pass_on(self, amount: int, origin: Origin, *, on: date, by: Login | None) -> "CreditNote":
        """A part of it that is free again, or was never needed, under a number of its own."""
        assert 0 < amount <= self.amount - self.passed_on, "Only what it has can be passed on"
        assert not self.remaining, "What is free need not be passed on"
        self.passed_on += amount
        child = _numbered(
            self.member_id,
            self.chapter_id,
            amount,
            self.currency,
            origin=origin,
            on=on,
            by=by,
            payment_id=self.payment_id,
            invoice_id=self.invoice_id,
            parent_id=self.id,
        )
        audit.record("passed on", self, by=by, after={"amount": amount, "to": child.number})
        audit.record("opened", child, by=by, after={"amount": amount, "origin": origin, "from": self.number})
        return child

    def _end(self, state: CreditState, amount: int, *, on: date, by: Login | None) -> "CreditNote | None":
        assert self.state in (CreditState.OPEN, CreditState.HELD), "A note is used once"
        if not 0 < amount <= self.amount:
            raise Invalid("That is more than this credit note holds.")
        self.state = state
        db.session.flush()
        audit.record(state.value, self, by=by, after={"amount": amount}, reason=self.withdrawal_reason)
        rest = self.amount - amount
        return self.pass_on(rest, Origin.REMAINDER, on=on, by=by) if rest else None


_STANDS = {
    CreditState.HELD: "waiting to be given back or withdrawn",
    CreditState.APPLIED: "used already",
    CreditState.RELEASED: "given back already",
    CreditState.WITHDRAWN: "withdrawn",
}


def open_note(
    member_id: UUID,
    chapter_id: UUID,
    amount: int,
    currency: str,
    *,
    origin: Origin,
    against: Side | None,
    on: date,
    by: Login | None,
    description: str,
    **names: Any,
) -> CreditNote:
    """Keep money for a member. `names` are payment, invoice and reason.

    `against` is where the books had it before; None when the caller's own entry has put it here.
    """
    note = _numbered(member_id, chapter_id, amount, currency, origin=origin, on=on, by=by, **names)
    if against is not None:
        post(
            Event.CREDIT_NOTE_ISSUED,
            source=note,
            moves=[Move(amount, against, note.account)],
            on=on,
            by=by,
            description=f"Credit note {note.number}: {description}",
        )
    audit.record("opened", note, by=by, after={"amount": amount, "origin": origin}, reason=note.reason)
    return note


def _numbered(
    member_id: UUID,
    chapter_id: UUID,
    amount: int,
    currency: str,
    *,
    origin: Origin,
    on: date,
    by: Login | None,
    **names: Any,
) -> CreditNote:
    db.session.flush()
    sequence = numbering.take(on.year, 1, CreditNoteCounter)
    note = CreditNote(
        id=names.pop("id", None) or new_id(),
        year=on.year,
        sequence=sequence,
        number=f"CN-{numbering.number_text(on.year, sequence)}",
        member_id=member_id,
        chapter_id=chapter_id,
        amount=amount,
        currency=currency,
        origin=origin,
        issued_on=on,
        opened_by_id=by.id if by else None,
        **names,
    )
    db.session.add(note)
    db.session.flush()
    if origin in TOLD:
        told = f"credit_note_opened:{note.id}"
        later(Job.ANNOUNCE, once=told, what="credit_note_opened", note_id=note.id)
    return note
