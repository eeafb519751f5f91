"""A real RQ worker on the queue of bulk work: a process that a test may kill, and the horse it forks."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from flask import Flask

from tests.conftest import CREDENTIAL_KEY
from tests.faults import forks
from tests.faults.forks import Forked
from tests.faults.installation import PATIENCE
from webapp import wiring


@dataclass
class BulkWorker:
    process: Forked
    log: Path

    def horse(self) -> int | None:
        """The process id of the fork that does the job it has taken, if it has one."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return None
        return children[0].pid if children else None

    def hold(self) -> None:
        """It takes up nothing new; a horse it has forked goes on."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """The worker alone; a horse it has forked goes on as an orphan."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def working(app: Flask, database: Any, redis_url: str, log: Path) -> Iterator[BulkWorker]:
    """It and its horse are gone at the end, however the test ended."""
    with app.app_context():
        data = wiring.settings().data
    environment = os.environ | {
        "DUESBOOK_ENVIRONMENT": "development",
        "DUESBOOK_DATA": str(data),
        "DATABASE_URL": database.app_url,
        "DATABASE_OWNER_URL": database.owner_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret key that only tests know, long enough",
        "CREDENTIAL_KEYS": CREDENTIAL_KEY,
        "LOG_LEVEL": "INFO",
    }
    with log.open("ab") as written:
        process = forks.start("-m", "webapp.workers", "bulk", environment=environment, stdout=written)
    worker = BulkWorker(process, log)
    try:
        yield worker
    finally:
        if process.poll() is None:
            horse = worker.horse()
            worker.kill()
            if horse is not None:
                kill(horse)


def kill(pid: int) -> bool:
    """At once and without a word; whether there was anybody to kill."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def is_gone(pid: int) -> bool:
    """Also when nobody has asked yet how it ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
