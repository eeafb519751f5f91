"""A scheduler for tests that can't wait: it does what the product's does, but every second."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, update

from tests.faults.installation import PATIENCE, until
from webapp.adapters.rq_dispatcher import RqDispatcher
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.core.jobs import JobState, OutboxJob
from webapp.workers import schedule

NUDGE_LASTS = timedelta(seconds=10)
"""How long a nudge is trusted here. One that was on its way all the same finds its job done."""


@dataclass
class Sweeper:
    redis_url: str
    swept_at: float = 0.0

    def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait for it, and sweep meanwhile."""
        until(lambda: condition() or self._sweep(), seconds)

    def _sweep(self) -> None:
        if time.monotonic() - self.swept_at < 1:
            return
        with tenancy.platform(), transaction() as session:
            lost = OutboxJob.state == JobState.QUEUED, OutboxJob.nudged_at < func.now() - NUDGE_LASTS
            session.execute(update(OutboxJob).where(*lost).values(nudged_at=None))
        schedule.sweep(RqDispatcher(self.redis_url))
        self.swept_at = time.monotonic()
