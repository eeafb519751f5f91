"""Whoever runs a job first takes a lease; every transaction of the job holds the lease's row.

So a worker that was given up for dead can't add a second effect beside its replacement.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from webapp.core.db import at_start, db
from webapp.core.errors import Conflict
from webapp.core.jobs import JobState, OutboxJob, nudge_again, work_named


class LeaseLost(Conflict):
    message = "Somebody else is doing this job by now."


@dataclass(frozen=True)
class Lease:
    organization_id: UUID
    job_id: UUID
    token: UUID


_lease: ContextVar[Lease | None] = ContextVar("lease", default=None)


@contextmanager
def under(lease: Lease) -> Iterator[None]:
    """Every transaction inside holds the lease's row until it commits, or fails with LeaseLost."""
    token = _lease.set(lease)
    try:
        yield
    finally:
        _lease.reset(token)


@at_start
def _hold_lease(session: Session) -> None:
    lease = _lease.get()
    if lease is None:
        return
    held = session.scalar(
        select(OutboxJob.id)
        .where(_is(lease), OutboxJob.lease_token == lease.token, OutboxJob.state == JobState.RUNNING)
        .with_for_update()
    )
    if held is None:
        raise LeaseLost


def take_lease(organization_id: UUID, job_id: UUID) -> tuple[Lease, OutboxJob] | None:
    """Take the job if it is due and nobody holds it; None when there is nothing to do."""
    token = uuid4()
    found = db.session.scalars(
        update(OutboxJob)
        .where(
            OutboxJob.organization_id == organization_id,
            OutboxJob.id == job_id,
            OutboxJob.due_at <= func.now(),
            or_(
                OutboxJob.state == JobState.QUEUED,
                and_(OutboxJob.state == JobState.RUNNING, OutboxJob.lease_expires_at < func.now()),
            ),
        )
        .values(state=JobState.RUNNING, lease_token=token, attempts=OutboxJob.attempts + 1)
        .returning(OutboxJob),
        execution_options={"populate_existing": True},
    ).first()
    if found is None:
        return None
    found.lease_expires_at = func.now() + timedelta(seconds=work_named(found.name).lease)
    return Lease(organization_id, job_id, token), found


def finish(lease: Lease) -> None:
    _settle(lease, state=JobState.DONE, finished_at=func.now(), last_error=None)


def has_died_too_often(job: OutboxJob) -> bool:
    """Whether its process ended in every attempt it has, without saying how."""
    return job.attempts > work_named(job.name).attempts


def fail(lease: Lease, job: OutboxJob, error: str) -> JobState:
    """Put the job back with a growing pause, or give it up as dead where a person sees it."""
    if job.attempts >= work_named(job.name).attempts:
        _settle(lease, state=JobState.DEAD, finished_at=func.now(), last_error=error)
        return JobState.DEAD
    pause = timedelta(seconds=min(3600, 2**job.attempts * 5) * _chance.uniform(0.8, 1.2))
    _settle(lease, state=JobState.QUEUED, due_at=func.now() + pause, nudged_at=None, last_error=error)
    return JobState.QUEUED


def hand_on(organization_id: UUID, job_id: UUID) -> None:
    """Whoever was doing it had to stop: somebody else begins at once. This attempt does not count."""
    handed_on = db.session.scalars(
        update(OutboxJob)
        .where(
            OutboxJob.organization_id == organization_id,
            OutboxJob.id == job_id,
            OutboxJob.state == JobState.RUNNING,
        )
        .values(state=JobState.QUEUED, attempts=OutboxJob.attempts - 1, due_at=func.now(), **_NOBODYS)
        .returning(OutboxJob)
    )
    for job in handed_on:
        nudge_again(job)


def revive(job: OutboxJob) -> None:
    """Try a dead job again from the start."""
    if job.state is not JobState.DEAD:
        raise Conflict("Only a job that was given up can be tried again.")
    job.state, job.attempts, job.due_at, job.nudged_at = JobState.QUEUED, 0, func.now(), None
    nudge_again(job)


_NOBODYS: dict[str, Any] = {"lease_token": None, "lease_expires_at": None}


def _settle(lease: Lease, **values: Any) -> None:
    db.session.execute(
        update(OutboxJob).where(_is(lease), OutboxJob.lease_token == lease.token).values(**_NOBODYS, **values)
    )


def _is(lease: Lease) -> Any:
    return and_(OutboxJob.organization_id == lease.organization_id, OutboxJob.id == lease.job_id)


_chance = SystemRandom()
