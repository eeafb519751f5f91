"""What a worker takes from a queue: a nudge for a job of the outbox, or nothing.

Whoever can write into Redis could otherwise have any function called. A nudge names two ids; what is done,
for whom and whether it is due stands in the database.
"""

from typing import Any
from uuid import UUID

import structlog
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.utils import as_text

from webapp.adapters.rq_dispatcher import PERFORM

_READ = {
    "data", "origin", "status", "created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat",
    "worker_name", "timeout", "result_ttl", "failure_ttl",
}  # fmt: skip
"""Neither callbacks nor webhooks, dependencies or repetitions: a nudge has none."""

log = structlog.get_logger()


class NotOurs(ValueError):
    """No nudge of ours looks like this."""


class NudgeJob(Job):
    def restore(self, raw_data: dict[bytes, bytes]) -> None:
        """Anything else is as if it were not there, and the worker goes on with the next."""
        try:
            super().restore({name: value for name, value in raw_data.items() if as_text(name) in _READ})
            _check(self.serializer.loads(self.data))
        except (ValueError, TypeError, AttributeError, AssertionError) as error:
            log.error("forged_job", job=str(self.id)[:80], reason=type(error).__name__)
            raise NoSuchJobError("This is no nudge of ours.") from error


def _check(call: Any) -> None:
    match call:
        case [str(function), None, [str(organization_id), str(job_id)], {**named}] if not named:
            UUID(organization_id), UUID(job_id)
            if function == PERFORM:
                return
    raise NotOurs
