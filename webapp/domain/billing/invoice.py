"""What a member owes, and for what."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, Numeric, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.organizations import Chapter, Member


class InvoiceStatus(StrEnum):
    OPEN = "open"
    PARTIAL = "partial"
    OVERDUE = "overdue"
    PAID = "paid"
    WAIVED = "waived"
    REFUNDED = "refunded"
    VOID = "void"


class Invoice(OrganizationRow, Base):
    """Sums are minor units of the organization's currency.

    `billed` is the sum of the lines; `adjusted` what adjustments took off; `paid` what allocations settled,
    net of what refunds reinstated; `refunded` what went back without reinstating the debt;
    `owed` = billed − adjusted − paid, 0 when void. `status` is written by `derive_status` alone.
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
    currency: Mapped[str]
    billed: Mapped[int]
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
    voided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    void_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    member: Mapped[Member] = belongs_to("Invoice.member_id", "Member")
    chapter: Mapped[Chapter] = belongs_to("Invoice.chapter_id", "Chapter")
    period: Mapped[BillingPeriod] = belongs_to("Invoice.period_id", "BillingPeriod")
    schedule: Mapped[AssessmentSchedule] = belongs_to("Invoice.schedule_id", "AssessmentSchedule")

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
        Index("ix_invoices_chapter", "organization_id", "chapter_id", "year", "sequence"),
        Index("ix_invoices_run", "organization_id", "run_id"),
        Index(
            "ix_invoices_owed",
            "organization_id",
            "due_on",
            "chapter_id",
            postgresql_include=["owed"],
            postgresql_where="owed > 0",
        ),
    )


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

    __table_args__ = (
        references("invoices", "invoice_id"),
        references("accounts", "income_account_id"),
        references("price_reasons", "reason_id"),
        UniqueConstraint("organization_id", "invoice_id", "position"),
    )
