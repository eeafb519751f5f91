"""Takes a nudge from the queue, a lease from the outbox, and does the job once."""

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from webapp.core import jobs, tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Refusal
from webapp.core.jobs import Job, JobState, Lease, LeaseLost, OutboxJob
from webapp.workers.catalogue import JOBS

log = structlog.get_logger()


def perform(organization_id: str, job_id: str) -> None:
    """Entry point of the queue. Does nothing when the job is done, not due, or in somebody else's hands."""
    with tenancy.acting_for(UUID(organization_id)):
        with transaction():
            taken = jobs.take_lease(UUID(organization_id), UUID(job_id))
        if taken is not None:
            _perform(*taken)


def _perform(lease: Lease, row: OutboxJob) -> None:
    job = jobs.work_named(row.name)
    structlog.contextvars.bind_contextvars(
        job=row.name, job_id=str(row.id), organization=str(lease.organization_id)
    )
    try:
        with jobs.under(lease):
            JOBS[job](**_arguments(row.arguments))
    except LeaseLost:
        log.warning("lease_lost")
    except (
        Refusal,
        SQLAlchemyError,
        OSError,
        ValueError,
        ArithmeticError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
    ) as error:
        _failed(lease, row, job, error)
    else:
        with transaction():
            jobs.finish(lease)
        log.info("job_done", attempts=row.attempts)
    finally:
        db.session.rollback()
        structlog.contextvars.unbind_contextvars("job", "job_id", "organization")


def _failed(lease: Lease, row: OutboxJob, job: Job, error: BaseException) -> None:
    sentence = f"{type(error).__name__}: {error}"[:500]
    with transaction():
        state = jobs.fail(lease, row, sentence)
    report = log.error if state is JobState.DEAD else log.warning
    report(
        "job_failed",
        reason=sentence,
        attempts=row.attempts,
        state=state,
        exc_info=not isinstance(error, Refusal),
    )


def _arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: UUID(value) if name.endswith("_id") else value for name, value in arguments.items()}
