"""How an organization charges dues."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import BigInteger

from webapp.core.db import Base, OrganizationRow, references_organization


class Cadence(StrEnum):
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    SEMESTER = "semester"
    ANNUAL = "annual"
    CUSTOM = "custom"


class LateFeeKind(StrEnum):
    NONE = "none"
    FLAT = "flat"
    PERCENT = "percent"


class DuesSettings(OrganizationRow, Base):
    """One row per organization. Amounts in minor units; days are counted from a period's first or due day.

    `reminder_days` are offsets from the due date: -7 is a week before, 0 the day itself, 14 two weeks after.
    """

    __tablename__ = "dues_settings"

    cadence: Mapped[Cadence] = mapped_column(default=Cadence.SEMESTER)
    default_amount: Mapped[int] = mapped_column(default=0)
    due_after_days: Mapped[int] = mapped_column(default=30)
    grace_days: Mapped[int] = mapped_column(default=0)
    late_fee_kind: Mapped[LateFeeKind | None]
    late_fee_amount: Mapped[int | None]
    late_fee_percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 3))
    late_fee_maximum: Mapped[int | None]
    late_fee_after_days: Mapped[int | None]
    autopay: Mapped[bool] = mapped_column(default=False)
    refund_cap: Mapped[int] = mapped_column(default=5000)
    reminder_days: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=lambda: [-7, 0, 7, 21])
    card_retry_days: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=lambda: [3, 5, 7])
    prorate_late_joiners: Mapped[bool] = mapped_column(default=False)
    set_by_id: Mapped[UUID | None]

    __table_args__ = (
        references_organization(),
        UniqueConstraint("organization_id"),
        CheckConstraint("default_amount >= 0 AND refund_cap >= 0", "amounts_are_not_negative"),
        CheckConstraint("due_after_days >= 0 AND grace_days >= 0", "days_are_not_negative"),
    )
