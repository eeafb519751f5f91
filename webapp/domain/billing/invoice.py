"""What a member owes, and for what."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Numeric,
    UniqueConstraint,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from webapp.core import audit, clock, writing
from webapp.core.db import Base, OrganizationRow, belongs_to, db, references
from webapp.core.errors import Conflict, Invalid
from webapp.core.jobs import Job, later
from webapp.domain import ledger
from webapp.domain.billing.adjustments import Adjustment, end_waiting
from webapp.domain.billing.late_fees import LateFee
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.reasons import PriceReason
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.status import InvoiceStatus, derive_status
from webapp.domain.organizations import Chapter, Login, Member


class Invoice(OrganizationRow, Base):
    """Sums are minor units of the organization's currency.

    `billed` is the sum of the lines; `adjusted` what adjustments took off; `paid` what allocations settled,
    net of what refunds reinstated; `refunded` what went back without reinstating the debt;
    `owed` = billed − adjusted − paid, 0 when void. `status` is written by `derive_status` alone.
    `on_plan`: a payment plan that is kept reschedules it, so it is not chased by itself.
    `chapter_part` of what was billed belongs to the chapter. `bill_to` is who pays, as of the run.
    """

    __tablename__ = "invoices"

    year: Mapped[int]
    sequence: Mapped[int]
    number: Mapped[str]
    member_id: Mapped[UUID]
    chapter_id: Mapped[UUID]
    schedule_id: Mapped[UUID]
    period_id: Mapped[UUID]
    run_id: Mapped[UUID | None]
    status: Mapped[InvoiceStatus] = mapped_column(default=InvoiceStatus.OPEN)
    processing: Mapped[bool] = mapped_column(default=False)
    on_plan: Mapped[bool] = mapped_column(default=False, server_default="false")
    currency: Mapped[str]
    billed: Mapped[int]
    chapter_part: Mapped[int] = mapped_column(default=0)
    adjusted: Mapped[int] = mapped_column(default=0)
    paid: Mapped[int] = mapped_column(default=0)
    refunded: Mapped[int] = mapped_column(default=0)
    owed: Mapped[int] = mapped_column(
        Computed("CASE WHEN status = 'void' THEN 0 ELSE billed - adjusted - paid END", persisted=True)
    )
    issued_on: Mapped[date]
    due_on: Mapped[date]
    grace_ends_on: Mapped[date]
    bill_to: Mapped[dict[str, Any]] = mapped_column(default=dict)
    pay_link_version: Mapped[int] = mapped_column(default=1)
    first_opened_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    voided_on: Mapped[date | None]
    voided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    void_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    member: Mapped[Member] = belongs_to("Invoice.member_id", "Member")
    chapter: Mapped[Chapter] = belongs_to("Invoice.chapter_id", "Chapter")
    period: Mapped[BillingPeriod] = belongs_to("Invoice.period_id", "BillingPeriod")
    schedule: Mapped[AssessmentSchedule] = belongs_to("Invoice.schedule_id", "AssessmentSchedule")
    voided_by: Mapped[Login | None] = relationship(viewonly=True, lazy="raise")
    lines: Mapped[list["InvoiceLine"]] = relationship(
        primaryjoin="and_(Invoice.organization_id == InvoiceLine.organization_id,"
        " Invoice.id == foreign(InvoiceLine.invoice_id))",
        order_by="InvoiceLine.position",
        viewonly=True,
        lazy="raise",
    )
    adjustments: Mapped[list[Adjustment]] = relationship(
        primaryjoin="and_(Invoice.organization_id == Adjustment.organization_id,"
        " Invoice.id == foreign(Adjustment.invoice_id))",
        order_by="Adjustment.id",
        viewonly=True,
        lazy="raise",
    )

    __table_args__ = (
        references("members", "member_id"),
        references("chapters", "chapter_id"),
        references("assessment_schedules", "schedule_id"),
        references("billing_periods", "period_id"),
        references("billing_runs", "run_id"),
        CheckConstraint(
            "billed >= 0 AND adjusted >= 0 AND paid >= 0 AND refunded >= 0", "sums_are_not_negative"
        ),
        CheckConstraint("adjusted + paid <= billed", "never_over_allocated"),
        CheckConstraint("chapter_part BETWEEN 0 AND billed", "chapter_part_is_a_part"),
        CheckConstraint("(status = 'void') = (voided_at IS NOT NULL)", "void_has_a_moment"),
        UniqueConstraint("organization_id", "year", "sequence"),
        Index(
            "uq_invoices_one_live",
            "organization_id",
            "member_id",
            "schedule_id",
            "period_id",
            unique=True,
            postgresql_where="status <> 'void'",
        ),
        Index("ix_invoices_member", "organization_id", "member_id"),
        Index("ix_invoices_chapter", "organization_id", "chapter_id", "year", "sequence"),
        Index("ix_invoices_run", "organization_id", "run_id"),
        Index("ix_invoices_period", "organization_id", "period_id", "chapter_id"),
        Index(
            "ix_invoices_owed",
            "organization_id",
            "due_on",
            "chapter_id",
            postgresql_include=["owed"],
            postgresql_where="owed > 0",
        ),
    )

    @property
    def is_void(self) -> bool:
        return self.voided_at is not None

    @property
    def is_payable(self) -> bool:
        """Whether a payment may be started now."""
        return self.owed > 0 and not self.processing

    def days_overdue(self, *, on: date) -> int:
        """Days since the due date, 0 before it; grace only postpones that it is called overdue."""
        return max(0, (on - self.due_on).days) if self.owed else 0

    def receive(self, amount: int, *, on: date) -> None:
        """A payment settles this part of it, and is written with it."""
        self.refuse_void()
        if amount <= 0 or amount > self.billed - self.adjusted - self.paid:
            raise Invalid("That is more than is still owed on this invoice.")
        paid = self.paid + amount
        writing.change(self, paid=paid, status=self._status(on, paid=paid))
        self._know_what_is_owed()

    def take_off(self, amount: int, *, on: date) -> None:
        """An adjustment lowers what is owed."""
        self.refuse_void()
        if amount <= 0 or amount > self.billed - self.adjusted - self.paid:
            raise Invalid("That is more than is still owed on this invoice.")
        self.adjusted += amount
        self._derive(on)

    def add(self, line: "InvoiceLine", *, on: date) -> None:
        """Charge something more, after what it is for already."""
        self.refuse_void()
        last = select(func.max(InvoiceLine.position)).where(
            InvoiceLine.organization_id == self.organization_id, InvoiceLine.invoice_id == self.id
        )
        line.invoice_id, line.position = self.id, (db.session.scalar(last) or 0) + 1
        db.session.add(line)
        self.billed += line.amount
        self._derive(on)

    def release(self, amount: int, *, on: date) -> None:
        """Take an allocation back: the payment was returned, or belongs elsewhere."""
        assert 0 < amount <= self.paid - self.refunded, "Only what was received can be taken back"
        self.paid -= amount
        self._derive(on)

    def give_back(self, amount: int, *, on: date, reinstates_debt: bool) -> None:
        """A refund. Either the member owes that part again, or it stays settled and the money is gone."""
        if reinstates_debt:
            self.release(amount, on=on)
            return
        assert 0 < amount <= self.paid - self.refunded, "Only what was paid and kept can be refunded"
        self.refunded += amount
        self._derive(on)

    def reinstate_refunded(self, *, on: date) -> None:
        """Nothing is owed on it any more, so what went back of it pays nothing."""
        self.paid, self.refunded = self.paid - self.refunded, 0
        self._derive(on)

    def keep_after_all(self, amount: int, *, on: date) -> None:
        """A refund that had not reinstated the debt failed later: its money is here again."""
        assert 0 < amount <= self.refunded, "Only what was refunded can come back"
        self.refunded -= amount
        self._derive(on)

    def set_processing(self, under_way: bool) -> None:
        """Whether a payment that takes days, such as a bank debit, is under way."""
        self.processing = under_way

    def void(self, *, by: Login | None, reason: str, on: date) -> None:
        """Cancel it. Its number is never used again; money that still comes becomes a credit note."""
        self.refuse_void()
        if self.paid > 0:
            raise Conflict(
                "Money was received for this invoice, so it can't be voided.",
                next_step="Refund the payment, or undo its allocation, then void the invoice.",
            )
        if not reason.strip():
            raise Invalid(fields={"reason": "Say why this invoice is voided. The member can read it."})
        owed = self.owed
        for entry in self.entries():
            ledger.reverse(entry, source=self, on=on, by=by, description=f"Invoice {self.number} voided")
        self.voided_at, self.voided_on, self.void_reason = clock.now(), on, reason.strip()
        self.voided_by_id = by.id if by else None
        self._derive(on)
        end_waiting(Invoice.here().select(Invoice.id == self.id).with_only_columns(Invoice.id), by=by)
        later(Job.CLOSE_CHECKOUT, once=f"void:{self.id}", invoice_id=self.id)
        audit.record("voided", self, by=by, reason=self.void_reason, before={"owed": owed}, after={"owed": 0})

    def entries(self) -> Sequence[ledger.JournalEntry]:
        """What stands in the books about what it charges: issue, late fee, a plan's interest, adjustments."""
        changes = select(Adjustment.id).where(
            Adjustment.organization_id == self.organization_id, Adjustment.invoice_id == self.id
        )
        late = select(LateFee.id).where(
            LateFee.organization_id == self.organization_id, LateFee.invoice_id == self.id
        )
        interest = select(InvoiceLine.id).where(
            InvoiceLine.organization_id == self.organization_id,
            InvoiceLine.invoice_id == self.id,
            InvoiceLine.kind == LineKind.PLAN_INTEREST,
        )
        return ledger.standing_entries(union_all(select(literal(self.id)), late, interest, changes))

    def posting_objections(self, event: ledger.Event) -> Iterator[tuple[ledger.Guard, str]]:
        if self.is_void:
            yield ledger.Guard.SOURCE_STATE_ALLOWS, f"Invoice {self.number} is void."

    def refuse_void(self) -> None:
        if self.is_void:
            raise Conflict(f"Invoice {self.number} is void.")

    def _derive(self, on: date) -> None:
        self.status = self._status(on, paid=self.paid)
        self._know_what_is_owed()
        db.session.flush()

    def _status(self, on: date, *, paid: int) -> InvoiceStatus:
        return derive_status(
            billed=self.billed,
            adjusted=self.adjusted,
            paid=paid,
            refunded=self.refunded,
            voided=self.is_void,
            grace_ends_on=self.grace_ends_on,
            on=on,
        )

    def _know_what_is_owed(self) -> None:
        """As the database works it out, without asking."""
        set_committed_value(self, "owed", 0 if self.is_void else self.billed - self.adjusted - self.paid)


class LineKind(StrEnum):
    BASE_DUES = "base_dues"
    ASSESSMENT = "assessment"
    LATE_FEE = "late_fee"
    ADJUSTMENT = "adjustment"
    PLAN_INTEREST = "plan_interest"
    ITEM = "item"


class InvoiceLine(OrganizationRow, Base):
    """`share` is the member's ownership share when the amount came from one; `reason_id` answers "why?"."""

    __tablename__ = "invoice_lines"

    invoice_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(default=1)
    kind: Mapped[LineKind]
    description: Mapped[str]
    amount: Mapped[int]
    income_account_id: Mapped[UUID]
    reason_id: Mapped[UUID | None]
    share: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))

    reason: Mapped[PriceReason | None] = belongs_to("InvoiceLine.reason_id", "PriceReason")

    __table_args__ = (
        references("invoices", "invoice_id"),
        references("accounts", "income_account_id"),
        references("price_reasons", "reason_id"),
        UniqueConstraint("organization_id", "invoice_id", "position"),
    )
