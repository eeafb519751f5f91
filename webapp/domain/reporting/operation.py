"""How the background work of one organization stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain.payments.inbox import ProcessorEvent

_SHOWN = 100


@dataclass(frozen=True)
class Health:
    """`oldest_waiting` is when the job that waits longest became due; None when nothing waits."""

    waiting: int
    oldest_waiting: datetime | None
    running: int
    given_up: int
    last_webhook: datetime | None


def health() -> Health:
    here = OutboxJob.organization_id == tenancy.organization_id()
    queued = OutboxJob.state == JobState.QUEUED
    row = db.session.execute(
        select(
            func.count().filter(queued, OutboxJob.due_at <= func.now()),
            func.min(OutboxJob.due_at).filter(queued, OutboxJob.due_at <= func.now()),
            func.count().filter(OutboxJob.state == JobState.RUNNING),
            func.count().filter(OutboxJob.state == JobState.DEAD),
        ).where(here, OutboxJob.state != JobState.DONE)
    ).one()
    webhook = select(func.max(ProcessorEvent.received_at)).where(
        ProcessorEvent.organization_id == tenancy.organization_id()
    )
    return Health(row[0], row[1], row[2], row[3], db.session.scalar(webhook))


def given_up() -> Sequence[OutboxJob]:
    """Jobs that were tried as often as they may be, latest first."""
    dead = OutboxJob.here().select(OutboxJob.state == JobState.DEAD)
    return db.session.scalars(dead.order_by(OutboxJob.finished_at.desc()).limit(_SHOWN)).all()
