"""RQ workers as processes of their own, as they run in production, and the memory they take."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import psutil
from redis import Redis
from rq import Worker

from benchmarks import world
from webapp import wiring
from webapp.core.db import db, transaction
from webapp.domain.billing import confirming, schedules
from webapp.domain.billing.run import BillingRun
from webapp.domain.organizations import Organization

_LOOK_EVERY = 0.05


@dataclass
class Crew:
    """`peak` is bytes: the most that a work horse had for itself, beside what it shares with its worker."""

    workers: list[psutil.Process]
    peak: int = 0

    def bill(self, made: Organization, code: str) -> int:
        """A run from its confirmation to its last member. The number of invoices it made."""
        with transaction():
            asked = confirming.confirm(
                made, schedules.standard(), world.period(code), dated=date(2026, 11, 21), by=None
            )
        while not self._is_over(asked.id):
            self._look()
            time.sleep(_LOOK_EVERY)
        return BillingRun.open(asked.id).progress().invoiced

    def _is_over(self, run_id: UUID) -> bool:
        db.session.rollback()
        db.session.expire_all()
        assert all(worker.is_running() for worker in self.workers)
        return BillingRun.open(run_id).is_over

    def _look(self) -> None:
        for worker in self.workers:
            for horse in worker.children():
                try:
                    self.peak = max(self.peak, horse.memory_full_info().uss)
                except psutil.NoSuchProcess:
                    continue


@contextmanager
def at_work(number: int) -> Iterator[Crew]:
    """So many workers on the queue of bulk work, ready when this begins and gone when it ends."""
    command = [sys.executable, "-m", "webapp.workers", "bulk"]
    started = [subprocess.Popen(command, env=os.environ | environment()) for _ in range(number)]
    try:
        with Redis.from_url(wiring.settings().redis_url) as client:
            while Worker.count(connection=client) < number:
                assert all(one.poll() is None for one in started)
                time.sleep(_LOOK_EVERY)
        yield Crew([psutil.Process(one.pid) for one in started])
    finally:
        for one in started:
            one.terminate()
        for one in started:
            one.wait(60)


def environment() -> dict[str, str]:
    """What tells another process to work on the same servers."""
    settings = wiring.settings()
    return {
        "DUESBOOK_ENVIRONMENT": settings.environment or "",
        "DUESBOOK_DATA": str(settings.data),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "CREDENTIAL_KEYS": settings.credential_keys,
        "LOG_LEVEL": "ERROR",
    }
