"""The named spans that dues are charged for."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references_organization
from webapp.domain.billing.settings import Cadence


class BillingPeriod(OrganizationRow, Base):
    """`code` is its short name: `2026-09`, `2026-Q3`, `2026-fall`, `2026`. All dates are the last or first day itself."""

    __tablename__ = "billing_periods"

    code: Mapped[str]
    name: Mapped[str]
    cadence: Mapped[Cadence]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    due_on: Mapped[date]
    grace_ends_on: Mapped[date]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))

    __table_args__ = (
        references_organization(),
        UniqueConstraint("organization_id", "code"),
        CheckConstraint("starts_on <= ends_on", "starts_before_it_ends"),
        CheckConstraint("due_on <= grace_ends_on", "grace_is_after_due"),
        CheckConstraint("(closed_at IS NULL) = (closed_by_id IS NULL)", "closed_by_somebody"),
    )
