"""One fan-out of a schedule over a period: previewed, confirmed, billed in batches, undone as a whole."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.schedules import AssessmentSchedule


class RunState(StrEnum):
    CONFIRMED = "confirmed"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class BillingRun(OrganizationRow, Base):
    """Members are judged as of `dated`. Counts are members; `total` is what was billed, in minor units."""

    __tablename__ = "billing_runs"

    schedule_id: Mapped[UUID]
    period_id: Mapped[UUID]
    dated: Mapped[date]
    state: Mapped[RunState] = mapped_column(default=RunState.CONFIRMED)
    batches: Mapped[int] = mapped_column(default=0)
    considered: Mapped[int] = mapped_column(default=0)
    requested_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    undone_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    undone_at: Mapped[datetime | None]
    undo_reason: Mapped[str | None]
    error: Mapped[str | None]

    schedule: Mapped[AssessmentSchedule] = belongs_to("BillingRun.schedule_id", "AssessmentSchedule")
    period: Mapped[BillingPeriod] = belongs_to("BillingRun.period_id", "BillingPeriod")

    __table_args__ = (
        references("assessment_schedules", "schedule_id"),
        references("billing_periods", "period_id"),
        CheckConstraint("undone_by_id <> requested_by_id", "undone_by_a_second_person"),
        Index("ix_billing_runs_period", "organization_id", "period_id", "schedule_id"),
        Index(
            "uq_billing_runs_one_at_a_time",
            "organization_id",
            "schedule_id",
            "period_id",
            unique=True,
            postgresql_where="state IN ('confirmed', 'running', 'undoing')",
        ),
    )


class BatchState(StrEnum):
    WAITING = "waiting"
    DONE = "done"


class BillingBatch(OrganizationRow, Base):
    """A slice of the run's members, billed in one transaction. Progress is the sum over these rows."""

    __tablename__ = "billing_batches"

    run_id: Mapped[UUID]
    position: Mapped[int]
    first_member_id: Mapped[UUID]
    last_member_id: Mapped[UUID]
    members: Mapped[int]
    state: Mapped[BatchState] = mapped_column(default=BatchState.WAITING)
    invoiced: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    already: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        references("billing_runs", "run_id"),
        UniqueConstraint("organization_id", "run_id", "position"),
    )


class Omission(StrEnum):
    """Why a member of the schedule's scope got no invoice."""

    STATUS_NOT_BILLABLE = "status_not_billable"
    ZERO_AMOUNT = "zero_amount"
    LEFT = "left"
    NOT_YET_JOINED = "not_yet_joined"
    NO_SHARE = "no_share"


class BillingOmission(OrganizationRow, Base):
    """A member left out of a run, and why."""

    __tablename__ = "billing_omissions"

    run_id: Mapped[UUID]
    member_id: Mapped[UUID]
    reason: Mapped[Omission]

    __table_args__ = (
        references("billing_runs", "run_id"),
        references("members", "member_id"),
        UniqueConstraint("organization_id", "run_id", "member_id"),
    )
