"""What being late cost: one fee for an invoice, by the rule of that day."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references, references_organization
from webapp.domain.billing.settings import LateFeeKind

if TYPE_CHECKING:
    from webapp.domain.billing.invoice import Invoice


class LateFeeSource(StrEnum):
    """Whose rule it is. The most specific one counts."""

    SCHEDULE = "schedule"
    ORGANIZATION = "organization"
    STANDARD = "standard"


class LateFeeRun(OrganizationRow, Base):
    """The fees of one night: how many, and what they come to in minor units."""

    __tablename__ = "late_fee_runs"

    charged_on: Mapped[date]
    fees: Mapped[int]
    total: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (references_organization(),)


class LateFee(OrganizationRow, Base):
    """One invoice's fee, once whatever runs how often: `amount` was charged when `owed` was left to pay.

    Its rule as of that day: `percent` of what was owed, at most `maximum`, or flat; more than `after_days`
    days after the due date. What is waived of it afterwards is an adjustment.
    """

    __tablename__ = "late_fees"

    run_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    line_id: Mapped[UUID]
    amount: Mapped[int]
    owed: Mapped[int]
    source: Mapped[LateFeeSource]
    kind: Mapped[LateFeeKind]
    percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 3))
    maximum: Mapped[int | None]
    after_days: Mapped[int]

    invoice: Mapped["Invoice"] = belongs_to("LateFee.invoice_id", "Invoice")

    __table_args__ = (
        references("late_fee_runs", "run_id"),
        references("invoices", "invoice_id"),
        references("invoice_lines", "line_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        UniqueConstraint("organization_id", "invoice_id"),
        Index("ix_late_fees_run", "organization_id", "run_id"),
    )
