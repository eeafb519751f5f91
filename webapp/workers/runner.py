"""Takes a nudge from the queue, a lease from the outbox, and does the job once."""

import time
from typing import Any
from uuid import UUID

import structlog
from rq.timeouts import JobTimeoutException
from sqlalchemy.exc import SQLAlchemyError

from webapp.core import audit, deadlocks, jobs, leases, tally, tenancy
from webapp.core.audit import Origin
from webapp.core.db import db, transaction
from webapp.core.errors import Refusal
from webapp.core.jobs import JobState, OutboxJob
from webapp.core.leases import Lease, LeaseLost
from webapp.core.redaction import redacted
from webapp.core.tally import Counted
from webapp.workers.catalogue import JOBS

log = structlog.get_logger()


class NeededTooMuchMemory(Refusal):
    message = "It needed more memory than a job may have, and was stopped."


class TookTooLong(Refusal):
    message = "It took longer than such a job may, and was stopped."


class EndedWithoutAWord(Refusal):
    """Out of memory for good, or killed: what the process could not say itself is said by the next one."""

    message = "Its process was ended in the middle of every attempt."


class UnknownJob(Refusal):
    message = "This version of Duesbook does not know this job. Another version promised it."


def perform(organization_id: str, job_id: str) -> None:
    """Entry point of the queue. Does nothing when the job is done, not due, or in somebody else's hands."""
    with tenancy.acting_for(UUID(organization_id)):
        with transaction():
            taken = leases.take_lease(UUID(organization_id), UUID(job_id))
        if taken is not None:
            _perform(*taken)


def hand_on(organization_id: str, job_id: str) -> None:
    """Its work horse was ended half-way: what it did not commit never happened, and another one begins."""
    with tenancy.acting_for(UUID(organization_id)), transaction():
        leases.hand_on(UUID(organization_id), UUID(job_id))


def _perform(lease: Lease, row: OutboxJob) -> None:
    started = time.perf_counter()
    audit.origin.set(Origin(request_id=row.request_id))
    structlog.contextvars.bind_contextvars(
        job=row.name,
        job_id=str(row.id),
        organization_id=str(lease.organization_id),
        attempt=row.attempts,
        request_id=row.request_id,
    )
    try:
        outcome = _outcome(lease, row)
        tally.count(Counted.JOB, row.name, outcome)
        log.info("job", outcome=outcome, milliseconds=round((time.perf_counter() - started) * 1000))
    finally:
        db.session.rollback()
        audit.origin.set(Origin())
        structlog.contextvars.unbind_contextvars("job", "job_id", "organization_id", "attempt", "request_id")


def _outcome(lease: Lease, row: OutboxJob) -> str:
    """Do it, and settle its promise: `done`, `queued` to be tried again, `dead`, or `lease_lost`."""
    failure: BaseException | None = None
    try:
        with leases.under(lease):
            _work(row)
    except LeaseLost:
        return "lease_lost"
    except MemoryError:
        failure = NeededTooMuchMemory()  # what filled the memory goes with the frames that held it
    except JobTimeoutException:
        failure = TookTooLong()
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
        failure = error
    if failure is not None:
        return _failed(lease, row, failure)
    with transaction():
        leases.finish(lease)
    return "done"


def _work(row: OutboxJob) -> None:
    job = jobs.named(row.name)
    if job is None:
        raise UnknownJob
    if leases.has_died_too_often(row):
        raise EndedWithoutAWord
    deadlocks.outlast(lambda: JOBS[job](**_arguments(row.arguments)))


def _failed(lease: Lease, row: OutboxJob, error: BaseException) -> str:
    sentence = redacted(f"{type(error).__name__}: {error}")[:500]
    with transaction():
        state = leases.fail(lease, row, sentence)
    report = log.error if state is JobState.DEAD else log.warning
    report("job_failed", reason=sentence, state=state, exc_info=not isinstance(error, Refusal))
    return state.value


def _arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: UUID(value) if name.endswith("_id") else value for name, value in arguments.items()}
