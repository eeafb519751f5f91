"""Money that goes back."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import audit, clock
from webapp.core.db import Base, OrganizationRow, belongs_to, references
from webapp.core.errors import Conflict, NotAllowed
from webapp.core.jobs import Job, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.ledger import Event, Guard, Objection
from webapp.domain.organizations import Chapter, Login, Member, tokens
from webapp.domain.payments.payment import Payment


class RefundState(StrEnum):
    """`requested` waits for a second person, `released` for the processor's first answer.

    `pending`: the processor has it, the bank not yet. Only `succeeded` is in the books.
    """

    REQUESTED = "requested"
    RELEASED = "released"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return _STATE_LABELS[self]


_STATE_LABELS = {
    RefundState.REQUESTED: "Waits for approval",
    RefundState.RELEASED: "Being sent",
    RefundState.PENDING: "Under way",
    RefundState.SUCCEEDED: "Refunded",
    RefundState.FAILED: "Failed",
    RefundState.DENIED: "Denied",
    RefundState.WITHDRAWN: "Withdrawn",
}
UNFINISHED = (RefundState.REQUESTED, RefundState.RELEASED, RefundState.PENDING)


class How(StrEnum):
    """The way the money goes back: to where it came from, through the processor, or by a check."""

    ORIGINAL = "original"
    CHECK = "check"

    @property
    def label(self) -> str:
        return {How.ORIGINAL: "To the original method", How.CHECK: "By check"}[self]

    @classmethod
    def back_to(cls, payments: Iterable[Payment]) -> "list[How]":
        """The ways open for money of these: only what came through a processor goes back through it."""
        return list(cls) if any(not payment.is_offline for payment in payments) else [cls.CHECK]


class Refund(OrganizationRow, Base):
    """`amount` in minor units, of an invoice's payment or of a credit note. `requested_by_id` is null when
    somebody made it at the processor itself.

    Its id is the processor's idempotency key, so asking again never gives the money back twice. `asked_at` is
    when the processor was first asked. In the books the money is gone since `booked_on`, and here again since
    `taken_back_on` if it did not arrive. `note` says why not, or why it was denied or withdrawn.
    """

    __tablename__ = "refunds"

    payment_id: Mapped[UUID | None]
    member_id: Mapped[UUID] = mapped_column(nullable=True)
    chapter_id: Mapped[UUID] = mapped_column(nullable=True)
    invoice_id: Mapped[UUID | None]
    credit_note_id: Mapped[UUID | None]
    amount: Mapped[int]
    how: Mapped[How] = mapped_column(server_default=How.ORIGINAL.value, default=How.ORIGINAL)
    check_number: Mapped[str | None]
    state: Mapped[RefundState]
    processor_reference: Mapped[str | None]
    reinstates_debt: Mapped[bool] = mapped_column(default=False)
    refunded_on: Mapped[date]
    reason: Mapped[str | None]
    note: Mapped[str | None]
    requested_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    needs_approval: Mapped[bool] = mapped_column(server_default="false", default=False)
    released_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    released_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    booked_on: Mapped[date | None]
    taken_back_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    failed_at: Mapped[datetime | None]
    failure_handled_at: Mapped[datetime | None]
    failure_handled_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))

    payment: Mapped[Payment | None] = belongs_to("Refund.payment_id", "Payment")
    member: Mapped[Member] = belongs_to("Refund.member_id", "Member")
    chapter: Mapped[Chapter] = belongs_to("Refund.chapter_id", "Chapter")
    invoice: Mapped[Invoice | None] = belongs_to("Refund.invoice_id", "Invoice")
    credit_note: Mapped[CreditNote | None] = belongs_to("Refund.credit_note_id", "CreditNote")
    requested_by: Mapped[Login | None] = relationship(
        foreign_keys="Refund.requested_by_id", viewonly=True, lazy="raise"
    )
    released_by: Mapped[Login | None] = relationship(
        foreign_keys="Refund.released_by_id", viewonly=True, lazy="raise"
    )

    __table_args__ = (
        references("payments", "payment_id"),
        references("members", "member_id"),
        references("chapters", "chapter_id"),
        references("invoices", "invoice_id"),
        references("credit_notes", "credit_note_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        CheckConstraint("how <> 'original' OR payment_id IS NOT NULL", "original_method_has_a_payment"),
        CheckConstraint("NOT needs_approval OR released_by_id <> requested_by_id", "four_eyes"),
        CheckConstraint(
            "NOT needs_approval OR released_by_id IS NOT NULL"
            " OR state IN ('requested', 'denied', 'withdrawn')",
            "released_by_somebody",
        ),
        Index(
            "uq_refunds_processor_reference",
            "organization_id",
            "processor_reference",
            unique=True,
            postgresql_where="processor_reference IS NOT NULL",
        ),
        Index("ix_refunds_payment", "organization_id", "payment_id"),
        Index(
            "ix_refunds_invoice", "organization_id", "invoice_id", postgresql_where="invoice_id IS NOT NULL"
        ),
        Index(
            "ix_refunds_credit_note",
            "organization_id",
            "credit_note_id",
            postgresql_where="credit_note_id IS NOT NULL",
        ),
        Index("ix_refunds_chapter", "organization_id", "chapter_id", "id"),
        Index(
            "ix_refunds_failed",
            "organization_id",
            postgresql_where="failed_at IS NOT NULL AND failure_handled_at IS NULL",
        ),
    )

    @property
    def is_unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def was_made_at_the_processor(self) -> bool:
        return self.requested_by_id is None

    @property
    def event(self) -> Event:
        """What it is in the books once the money is gone."""
        return Event.CREDIT_NOTE_RELEASED if self.credit_note_id else Event.REFUND

    def posting_objections(self, event: Event) -> Iterator[Objection]:
        if event is self.event and self.state is not RefundState.SUCCEEDED:
            yield Guard.SOURCE_STATE_ALLOWS, "The money of this refund has not gone out."

    def release(self, *, by: Login) -> None:
        """Let the money go. Where a second person is needed, it is never the one who asked for it."""
        if self.state is not RefundState.REQUESTED:
            raise Conflict(f"This refund is not waiting any more: {self.state.label.lower()}.")
        person_id = tokens.behind(by).person_id
        if self.needs_approval and person_id == self.requested_by_id:
            raise NotAllowed("Somebody else has to release a refund you asked for.")
        self.state, self.released_by_id, self.released_at = RefundState.RELEASED, person_id, clock.now()
        audit.record("refund_released", self, by=by, after={"amount": self.amount, "how": self.how})

    def end(self, state: RefundState, *, by: Login | None, reason: str) -> None:
        """Denied, or withdrawn: no money moves, and what was held for it is free again."""
        if self.state is not RefundState.REQUESTED:
            raise Conflict(f"This refund is not waiting any more: {self.state.label.lower()}.")
        self.state, self.note = state, reason
        audit.record(f"refund_{state.value}", self, by=by, reason=reason, after={"amount": self.amount})

    def fail(self, reason: str | None = None) -> None:
        """The money did not arrive, perhaps days later. Member and officers hear of it once."""
        before = {"state": self.state}
        self.state, self.failed_at, self.note = RefundState.FAILED, clock.now(), reason or self.note
        after = {"state": self.state, "amount": self.amount}
        audit.record("refund_failed", self, by=None, before=before, after=after, reason=self.note)
        later(Job.ANNOUNCE, once=f"refund_failed:{self.id}", what="refund_failed", refund_id=self.id)

    def settle_failure(self, *, by: Login) -> None:
        """Somebody gave the money back another way, or agreed with the member to keep it."""
        if self.failed_at is None:
            raise Conflict("This refund has not failed.")
        if self.failure_handled_at is None:
            self.failure_handled_at, self.failure_handled_by_id = clock.now(), by.id
            audit.record("refund failure handled", self, by=by, after={"amount": self.amount})


class RefundPart(OrganizationRow, Base):
    """What of a booked refund came out of which invoice; the rest of it was settled nowhere.

    `taken_back_at`: the refund failed after all.
    """

    __tablename__ = "refund_parts"

    refund_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount: Mapped[int]
    reinstated: Mapped[bool] = mapped_column(default=False)
    taken_back_at: Mapped[datetime | None]

    refund: Mapped[Refund] = belongs_to("RefundPart.refund_id", "Refund")

    __table_args__ = (
        references("refunds", "refund_id"),
        references("invoices", "invoice_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        Index("ix_refund_parts_refund", "organization_id", "refund_id"),
        Index("ix_refund_parts_invoice", "organization_id", "invoice_id"),
    )
