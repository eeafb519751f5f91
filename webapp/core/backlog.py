"""Work that waits, over all organizations: how far it lags, and what has to be sent again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, func, or_, select, tuple_, update

from webapp.core import tenancy
from webapp.core.db import db
from webapp.core.jobs import Job, JobState, Nudge, OutboxJob, work_named

NUDGE_LASTS = timedelta(seconds=35)
"""How long a nudge is trusted to arrive. With the sweeper's own pace, a lost one is resent in a minute."""

_DUE = OutboxJob.due_at <= func.now()
_WAITS = or_(
    and_(OutboxJob.state == JobState.QUEUED, _DUE),
    and_(OutboxJob.state == JobState.RUNNING, OutboxJob.lease_expires_at < func.now()),
)
_OPEN = OutboxJob.state.in_((JobState.QUEUED, JobState.RUNNING))


@dataclass(frozen=True)
class Queue:
    """`age` is how long its oldest due job has been waiting, in seconds; 0 when none waits."""

    name: str
    waiting: int
    running: int
    age: float


@dataclass(frozen=True)
class Backlog:
    """Ages in seconds. `webhook_age`: since the oldest event came that nobody has reacted to yet."""

    queues: Sequence[Queue]
    dead: dict[str, int]
    webhook_age: float
    mails_waiting: int

    @property
    def age(self) -> float:
        """How long the oldest due promise of the outbox has been waiting, whatever its queue."""
        return max((queue.age for queue in self.queues), default=0.0)

    @property
    def waiting(self) -> int:
        return sum(queue.waiting for queue in self.queues)


def measure() -> Backlog:
    with tenancy.platform():
        return Backlog(_queues(), _dead(), _webhook_age(), _mails_waiting())


def _queues() -> list[Queue]:
    measured = select(
        OutboxJob.queue,
        func.count().filter(_WAITS),
        func.count().filter(OutboxJob.state == JobState.RUNNING, OutboxJob.lease_expires_at >= func.now()),
        func.extract("epoch", func.now() - func.min(OutboxJob.due_at).filter(_WAITS)),
    )
    by_name = {row[0]: row for row in db.session.execute(measured.where(_OPEN).group_by(OutboxJob.queue))}
    names = sorted({job.work.queue for job in Job} | set(by_name))
    rows = [by_name.get(name, (name, 0, 0, None)) for name in names]
    return [Queue(name, waiting, running, float(age or 0)) for name, waiting, running, age in rows]


def _dead() -> dict[str, int]:
    dead = select(OutboxJob.name, func.count()).where(OutboxJob.state == JobState.DEAD)
    return {name: number for name, number in db.session.execute(dead.group_by(OutboxJob.name))}


def _webhook_age() -> float:
    oldest = select(func.extract("epoch", func.now() - func.min(OutboxJob.created_at))).where(
        _OPEN, OutboxJob.name == Job.REACT_TO_EVENT.work.name
    )
    return float(db.session.scalar(oldest) or 0)


def _mails_waiting() -> int:
    """At most so many: a job that is under way has handed over some of its mails already."""
    mails = func.cardinality(func.string_to_array(OutboxJob.arguments["mails"].astext, " "))
    waiting = select(func.sum(mails)).where(_OPEN, OutboxJob.name == Job.DELIVER_MAILS.work.name)
    return int(db.session.scalar(waiting) or 0)


def overdue_nudges(limit: int = 500) -> list[Nudge]:
    """Jobs that should be running and are not: never nudged, nudged long ago, or their lease ran out."""
    stuck = (
        select(OutboxJob.organization_id, OutboxJob.id)
        .where(
            OutboxJob.due_at <= func.now(),
            or_(
                and_(
                    OutboxJob.state == JobState.QUEUED,
                    or_(
                        OutboxJob.nudged_at.is_(None),
                        OutboxJob.nudged_at < func.now() - NUDGE_LASTS,
                    ),
                ),
                and_(OutboxJob.state == JobState.RUNNING, OutboxJob.lease_expires_at < func.now()),
            ),
        )
        .order_by(OutboxJob.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).subquery()
    rows = db.session.execute(
        update(OutboxJob)
        .where(OutboxJob.organization_id == stuck.c.organization_id, OutboxJob.id == stuck.c.id)
        .values(nudged_at=func.now())
        .returning(OutboxJob.organization_id, OutboxJob.id, OutboxJob.name)
    )
    return [Nudge(row.organization_id, row.id, work_named(row.name)) for row in rows]


def not_sent(nudges: Sequence[Nudge]) -> None:
    """The queue is away: once it is back nobody shall wait for nudges that never left."""
    its_key = tuple_(OutboxJob.organization_id, OutboxJob.id)
    failed = its_key.in_([(nudge.organization_id, nudge.job_id) for nudge in nudges])
    db.session.execute(update(OutboxJob).where(failed).values(nudged_at=None))
