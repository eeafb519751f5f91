"""What is charged each period, and to whom."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references, references_organization
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.settings import LateFeeKind
from webapp.domain.organizations import Chapter, MemberStatus


class ScheduleKind(StrEnum):
    REGULAR_DUES = "regular_dues"
    SPECIAL_ASSESSMENT = "special_assessment"


class Basis(StrEnum):
    """By each member's rate; one flat amount each; or one total divided by the members' ownership shares."""

    RATE = "rate"
    FLAT = "flat"
    SHARE = "share"


class AssessmentSchedule(OrganizationRow, Base):
    """Scope: everyone, or one chapter, or one status. `amount` is per member (flat) or the total (share).

    `period_id` null means every period. `chapter_percent` of each invoice belongs to the member's chapter.
    """

    __tablename__ = "assessment_schedules"

    name: Mapped[str]
    kind: Mapped[ScheduleKind]
    basis: Mapped[Basis]
    amount: Mapped[int | None]
    chapter_id: Mapped[UUID | None]
    status_id: Mapped[UUID | None]
    period_id: Mapped[UUID | None]
    chapter_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2), default=Decimal(0))
    late_fee_kind: Mapped[LateFeeKind | None]
    late_fee_amount: Mapped[int | None]
    late_fee_percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 3))
    late_fee_after_days: Mapped[int | None]
    active: Mapped[bool] = mapped_column(default=True)
    approved_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    approved_at: Mapped[datetime] = mapped_column(server_default=func.now())

    chapter: Mapped[Chapter | None] = belongs_to("AssessmentSchedule.chapter_id", "Chapter")
    status: Mapped[MemberStatus | None] = belongs_to("AssessmentSchedule.status_id", "MemberStatus")
    period: Mapped[BillingPeriod | None] = belongs_to("AssessmentSchedule.period_id", "BillingPeriod")

    __table_args__ = (
        references_organization(),
        references("chapters", "chapter_id"),
        references("member_statuses", "status_id"),
        references("billing_periods", "period_id"),
        UniqueConstraint("organization_id", "name"),
        CheckConstraint("(basis = 'rate') = (amount IS NULL)", "amount_goes_with_basis"),
        CheckConstraint("amount >= 0", "amount_is_not_negative"),
        CheckConstraint("chapter_percent BETWEEN 0 AND 100", "percent_is_a_part"),
    )
