"""Money that came in, or is on its way: one attempt is one payment."""

from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import money
from webapp.core.db import Base, OrganizationRow, belongs_to, references
from webapp.core.errors import Conflict
from webapp.domain.ledger import Code, Event, Guard, Objection, Side
from webapp.domain.organizations import Chapter, Member
from webapp.domain.payments.processor import PaymentProcessor


class Method(StrEnum):
    """How money came in. `unknown` until a processor has said which of its methods the payer took."""

    CARD = "card"
    ACH_DEBIT = "ach_debit"
    CASH = "cash"
    CHECK = "check"
    BANK_TRANSFER = "bank_transfer"
    PAYROLL_DEDUCTION = "payroll_deduction"
    CARD_TERMINAL = "card_terminal"
    WALLET = "wallet"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        return _METHOD_LABELS.get(self, self.value.replace("_", " ").capitalize())


_METHOD_LABELS = {Method.ACH_DEBIT: "Bank debit", Method.UNKNOWN: "Not known yet"}
OFFLINE = (
    Method.CASH,
    Method.CHECK,
    Method.BANK_TRANSFER,
    Method.PAYROLL_DEDUCTION,
    Method.CARD_TERMINAL,
)
"""What an officer receives and records by hand."""


class PaymentState(StrEnum):
    """`unknown`: the processor was asked and did not answer; the same question finds out.

    `reversed`: an officer recorded it wrongly and took it back; the row stays.
    """

    STARTED = "started"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    REVERSED = "reversed"

    def comes_after(self, other: "PaymentState") -> bool:
        """Whether news of this state is newer than the other: states only move forwards, and money wins."""
        return _ORDER[self] > _ORDER[other]


_ORDER = {
    PaymentState.STARTED: 0,
    PaymentState.UNKNOWN: 0,
    PaymentState.EXPIRED: 1,
    PaymentState.PROCESSING: 2,
    PaymentState.FAILED: 3,
    PaymentState.SUCCEEDED: 4,
    PaymentState.REVERSED: 5,
}


class FeeState(StrEnum):
    """A processor payment is allocated only once its fee is `confirmed`; `failed` waits for a person."""

    NONE = "none"
    AWAITED = "awaited"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class NothingLeft(Conflict):
    """Somebody refunded it meanwhile, or it is held by a refund or a dispute that is not finished."""

    code = "nothing-left"
    next_step = "Look at the payment's refunds: one of them may be under way."

    def __init__(self, left: int, currency: str) -> None:
        shown = money.display(left, currency)
        super().__init__(f"That is more than can still go back of this payment. {shown} can.")


class Payment(OrganizationRow, Base):
    """Amounts in minor units. `credited` is what became credit notes, less what went back of them;
    `returned` is what refunds gave back, whether or not the debt was reinstated; all of it once the payment
    is reversed. `reserved` is what refunds and disputes that are not finished hold of it: nobody else may
    give that back meanwhile. `receipt_line_id` is the line of the batch that it was recorded with.

    `unapplied` is what has no place yet: amount − allocated − credited − returned. That is nothing once a
    transaction is over.
    """

    __tablename__ = "payments"

    member_id: Mapped[UUID]
    chapter_id: Mapped[UUID]
    processor_id: Mapped[UUID | None]
    method: Mapped[Method]
    state: Mapped[PaymentState] = mapped_column(default=PaymentState.STARTED)
    amount: Mapped[int]
    currency: Mapped[str]
    fee: Mapped[int | None]
    fee_state: Mapped[FeeState] = mapped_column(default=FeeState.NONE)
    fee_error: Mapped[str | None]
    allocated: Mapped[int] = mapped_column(default=0)
    credited: Mapped[int] = mapped_column(default=0, server_default="0")
    returned: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(server_default="0", default=0)
    unapplied: Mapped[int] = mapped_column(
        Computed(
            "CASE WHEN received_on IS NULL THEN 0 ELSE amount - allocated - credited - returned END",
            persisted=True,
        )
    )
    received_on: Mapped[date | None]
    reference: Mapped[str | None]
    intent_reference: Mapped[str | None]
    charge_reference: Mapped[str | None]
    payer_detail: Mapped[str | None]
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    recorded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    receipt_line_id: Mapped[UUID | None]
    reversed_at: Mapped[datetime | None]
    reversed_on: Mapped[date | None]
    reversed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    reversal_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]

    member: Mapped[Member] = belongs_to("Payment.member_id", "Member")
    chapter: Mapped[Chapter] = belongs_to("Payment.chapter_id", "Chapter")
    processor: Mapped[PaymentProcessor | None] = belongs_to("Payment.processor_id", "PaymentProcessor")

    __table_args__ = (
        references("members", "member_id"),
        references("chapters", "chapter_id"),
        references("payment_processors", "processor_id"),
        references("receipt_lines", "receipt_line_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        CheckConstraint("fee >= 0", "fee_is_not_negative"),
        CheckConstraint("allocated >= 0 AND credited >= 0 AND returned >= 0", "sums_are_not_negative"),
        CheckConstraint("allocated + credited + returned <= amount", "never_more_than_came_in"),
        CheckConstraint(
            "reserved >= 0 AND returned + reserved <= amount", "never_gives_back_more_than_came_in"
        ),
        CheckConstraint("received_on IS NOT NULL OR allocated + credited = 0", "placed_only_when_received"),
        CheckConstraint(
            "processor_id IS NULL OR received_on IS NULL OR fee_state = 'confirmed'", "fee_first"
        ),
        CheckConstraint("(fee_state = 'confirmed') = (fee IS NOT NULL)", "confirmed_fee_is_known"),
        CheckConstraint(
            "(state = 'reversed') = (reversed_at IS NOT NULL)"
            " AND (state <> 'reversed' OR processor_id IS NULL AND returned = amount)",
            "reversed_in_full_and_by_hand",
        ),
        Index(
            "uq_payments_intent",
            "organization_id",
            "processor_id",
            "intent_reference",
            unique=True,
            postgresql_where="intent_reference IS NOT NULL",
        ),
        Index(
            "uq_payments_receipt_line",
            "organization_id",
            "receipt_line_id",
            unique=True,
            postgresql_where="receipt_line_id IS NOT NULL",
        ),
        Index("ix_payments_member", "organization_id", "member_id", "id"),
        Index("ix_payments_chapter", "organization_id", "chapter_id", "id"),
        Index("ix_payments_unapplied", "organization_id", "id", postgresql_where="unapplied > 0"),
    )

    def posting_objections(self, event: Event) -> Iterator[Objection]:
        """Asked by the ledger's guards before anything of this payment is written into the books."""
        if self.state is not PaymentState.SUCCEEDED:
            yield Guard.SOURCE_STATE_ALLOWS, "The money of this payment has not come in."
        if not self.is_offline and self.fee_state is not FeeState.CONFIRMED:
            yield Guard.FEE_IS_CONFIRMED, "What the processor kept of this payment is not confirmed."

    @property
    def unapplied_receipts(self) -> Side:
        """Where the books keep what has no place yet."""
        return Side(Code.UNAPPLIED_RECEIPTS, self.chapter_id, self.member_id)

    @property
    def credit_notes(self) -> Side:
        """Where the books keep its credit notes."""
        return Side(Code.CREDIT_NOTES, self.chapter_id, self.member_id)

    @property
    def is_offline(self) -> bool:
        return self.processor_id is None

    @property
    def waits_for_its_fee(self) -> bool:
        return self.state is PaymentState.SUCCEEDED and self.received_on is None

    @property
    def returnable(self) -> int:
        """What can still go back: what came in, less what went back and what is on its way back."""
        return 0 if self.received_on is None else self.amount - self.returned - self.reserved

    def reserve(self, amount: int) -> None:
        """Keep so much for one refund or dispute. The caller holds the payment locked."""
        if not 0 < amount <= self.returnable:
            raise NothingLeft(self.returnable, self.currency)
        self.reserved += amount

    def let_go(self, amount: int) -> None:
        """The refund or dispute that held it is over, whichever way."""
        assert 0 < amount <= self.reserved, "Only what was reserved is let go"
        self.reserved -= amount

    def advance(self, state: PaymentState) -> bool:
        """Take on a newer state; False, and no change, when this is old news."""
        if not state.comes_after(self.state):
            return False
        self.state = state
        return True


class Allocation(OrganizationRow, Base):
    """The part of a payment that settles a part of an invoice. Undoing keeps the row, with when and who.

    It counts from the day `allocated_on` to the day `undone_on`, which are those of the books.
    """

    __tablename__ = "allocations"

    payment_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount: Mapped[int]
    allocated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    allocated_on: Mapped[date | None]
    undone_at: Mapped[datetime | None]
    undone_on: Mapped[date | None]
    undone_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))

    payment: Mapped[Payment] = belongs_to("Allocation.payment_id", "Payment")

    __table_args__ = (
        references("payments", "payment_id"),
        references("invoices", "invoice_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        Index("ix_allocations_invoice", "organization_id", "invoice_id"),
        Index("ix_allocations_payment", "organization_id", "payment_id"),
    )
