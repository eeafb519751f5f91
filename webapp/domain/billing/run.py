"""One fan-out of a schedule over a period: cut into batches, billed one by one; progress is their sum."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    exists,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Mapped, joinedload, mapped_column

from webapp.core import audit, clock
from webapp.core.db import Base, OrganizationRow, belongs_to, db, references
from webapp.core.errors import Conflict, NotFound
from webapp.core.jobs import Job, JobState, OutboxJob, later
from webapp.core.leases import revive
from webapp.domain.billing.assessing import Occasion, Omission
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.schedules import AssessmentSchedule, Basis
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import Login, Member

MEMBERS_PER_BATCH = 5_000


class RunState(StrEnum):
    CONFIRMED = "confirmed"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    UNDOING = "undoing"
    UNDONE = "undone"


UNDER_WAY = (RunState.CONFIRMED, RunState.RUNNING, RunState.CANCELLING, RunState.UNDOING)


class BillingRun(OrganizationRow, Base):
    """One fan-out. Members are judged as of `dated`; `considered` is how many of them it is meant for."""

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
    cancelled_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    cancelled_at: Mapped[datetime | None]
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
            postgresql_where="state IN ('confirmed', 'running', 'cancelling', 'undoing')",
        ),
    )

    @classmethod
    def open(cls, run_id: UUID) -> "BillingRun":
        """With its schedule and period; NotFound when this organization has no such run."""
        wanted = cls.here().select(cls.id == run_id)
        both = joinedload(cls.schedule), joinedload(cls.period)
        run = db.session.scalars(wanted.options(*both)).first()
        if run is None:
            raise NotFound
        return run

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def can_be_cancelled(self) -> bool:
        return self.state in (RunState.CONFIRMED, RunState.RUNNING)

    @property
    def is_over(self) -> bool:
        """Billed as far as it ever will be, and not taken back."""
        return self.state in (RunState.DONE, RunState.CANCELLED)

    @property
    def occasion(self) -> Occasion:
        return Occasion(self.schedule, self.period, self.dated, DuesSettings.here().all()[0])

    def progress(self) -> "Progress":
        done = BillingBatch.state == BatchState.DONE
        sums = select(
            func.coalesce(func.sum(BillingBatch.members), 0),
            func.coalesce(func.sum(BillingBatch.members).filter(done), 0),
            func.coalesce(func.sum(BillingBatch.invoiced), 0),
            func.coalesce(func.sum(BillingBatch.total), 0),
            func.coalesce(func.sum(BillingBatch.already), 0),
        ).where(BillingBatch.organization_id == self.organization_id, BillingBatch.run_id == self.id)
        wanted, looked_at, invoiced, total, already = map(int, db.session.execute(sums).one())
        before = self.considered - wanted
        return Progress(before + looked_at, invoiced, total, before + already, self.considered)

    def omissions(self) -> dict[Omission, int]:
        """How many members were left out, by reason."""
        counted = (
            select(BillingOmission.reason, func.count())
            .where(BillingOmission.organization_id == self.organization_id, BillingOmission.run_id == self.id)
            .group_by(BillingOmission.reason)
        )
        return {reason: number for reason, number in db.session.execute(counted)}

    def stuck_jobs(self) -> Sequence[OutboxJob]:
        """Parts of it that were tried and failed; tried again by themselves until they are `dead`."""
        return OutboxJob.here().all(
            OutboxJob.arguments["run_id"].astext == str(self.id),
            OutboxJob.last_error.is_not(None),
            OutboxJob.state != JobState.DONE,
        )

    def try_again(self, *, by: Login) -> None:
        """Take up the parts that were given up, each from its start; what was billed stays billed."""
        dead = [job for job in self.stuck_jobs() if job.state is JobState.DEAD]
        if not dead:
            raise Conflict("No part of this run has been given up.")
        for job in dead:
            revive(job)
        audit.record("tried again", self, by=by)


@dataclass(frozen=True)
class Progress:
    """Members looked at, invoices made, their total in minor units, members who had one before."""

    done: int
    invoiced: int
    total: int
    already: int
    of: int


class BatchState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    CANCELLED = "cancelled"


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

    @property
    def its_members(self) -> ColumnElement[bool]:
        return Member.id.between(self.first_member_id, self.last_member_id)

    def invoices(self) -> Select[Invoice]:
        """What this batch made, void ones included."""
        return Invoice.here().select(
            Invoice.run_id == self.run_id,
            Invoice.member_id.between(self.first_member_id, self.last_member_id),
        )


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
        Index("ix_billing_omissions_member", "organization_id", "member_id"),
    )


def start(run_id: UUID, *, members_per_batch: int = MEMBERS_PER_BATCH) -> None:
    """Cut the members who have no invoice yet into batches and promise each. Does nothing the second time."""
    BillingRun.here().get(run_id, lock=True)
    run = BillingRun.open(run_id)
    if run.state is not RunState.CONFIRMED:
        return
    in_scope = select(func.count()).select_from(Member).where(run.schedule.in_scope)
    run.considered = db.session.scalars(in_scope).one()
    slices = db.session.execute(_slices(run, members_per_batch)).all()
    for position, (first, last, members) in enumerate(slices, 1):
        batch = BillingBatch(
            run_id=run.id, position=position, first_member_id=first, last_member_id=last, members=members
        )
        db.session.add(batch)
        db.session.flush()
        later(Job.BILL_BATCH, once=str(batch.id), run_id=run.id, batch_id=batch.id)
    run.batches, run.state, run.started_at = len(slices), RunState.RUNNING, clock.now()
    finish_if_done(run)


def _slices(run: BillingRun, size: int) -> Select[UUID, UUID, int]:
    """By member id, which never changes, so nobody falls between two. A total is divided in one piece."""
    place = func.row_number().over(order_by=Member.id) - 1
    number = place // size if run.schedule.basis is not Basis.SHARE else place * 0
    billed = exists().where(
        Invoice.organization_id == Member.organization_id,
        Invoice.member_id == Member.id,
        Invoice.schedule_id == run.schedule_id,
        Invoice.period_id == run.period_id,
        Invoice.status != InvoiceStatus.VOID,
    )
    left = select(Member.id, number.label("slice")).where(run.schedule.in_scope, ~billed)
    ranked = left.subquery()
    ids = func.array_agg(aggregate_order_by(ranked.c.id, ranked.c.id))
    return select(ids[1], ids[func.count()], func.count()).group_by(ranked.c.slice).order_by(ranked.c.slice)


def hold(run_id: UUID) -> BillingRun:
    """The run as it stands now, kept from changing. Batches that refer to it meanwhile need not wait."""
    held = BillingRun.here().select(BillingRun.id == run_id).with_for_update(key_share=True)
    return db.session.scalars(held.execution_options(populate_existing=True)).one()


def finish_if_done(run: BillingRun) -> None:
    """The last batch closes the run; two last ones at once take turns on the run's row."""
    db.session.flush()
    hold(run.id)
    waiting = BillingBatch.here().select(
        BillingBatch.run_id == run.id, BillingBatch.state == BatchState.WAITING
    )
    if db.session.scalar(select(exists(waiting))):
        return
    cancelled = run.state is RunState.CANCELLING
    run.state, run.finished_at = RunState.CANCELLED if cancelled else RunState.DONE, clock.now()
    progress = run.progress()
    audit.record("billed", run, by=None, after={"invoices": progress.invoiced, "total": progress.total})


def batches_left(run_id: UUID) -> Sequence[UUID]:
    """In order; for whoever runs it in the foreground."""
    waiting = select(BillingBatch.id).where(
        BillingBatch.organization_id == BillingRun.here().organization_id,
        BillingBatch.run_id == run_id,
        BillingBatch.state == BatchState.WAITING,
    )
    return db.session.scalars(waiting.order_by(BillingBatch.position)).all()
