"""The RQ worker: the application is loaded once, each job runs in a fork with connections of its own."""

import gc
import resource
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import OperationalError

from webapp.adapters.redis_connection import open_redis
from webapp.core.db import db
from webapp.workers import runner
from webapp.workers.nudge_job import NudgeJob

PATIENCE = 25
"""Seconds that a job may go on after the worker was told to stop."""

MOST_MEMORY = 1024**3
"""Bytes of its own that a job may use, far more than any needs. Past it the job fails, not the machine."""

REDIS_PAUSE = 2
"""Seconds between two tries to listen again, at most: people wait for what is in the queue."""

log = structlog.get_logger()


class ForkingWorker(Worker):
    """Hands the loaded application to each work horse; a connection is never shared across the fork.

    Told to stop, it lets its job finish; a job that takes too long is ended and handed on to another worker.
    """

    app: Flask
    patience: float = PATIENCE
    max_connection_wait_time = REDIS_PAUSE
    _cut_short = False

    @property
    def was_told_to_stop(self) -> bool:
        return self._shutdown_requested_date is not None

    def main_work_horse(self, *args: Any, **kwargs: Any) -> Any:
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
        with self.app.app_context():
            db.engine.dispose(close=False)
            return super().main_work_horse(*args, **kwargs)

    def handle_warm_shutdown_request(self) -> None:
        waiting = threading.Timer(self.patience, self._end_horse)
        waiting.daemon = True
        waiting.start()

    def monitor_work_horse(self, job: Job, queue: Queue) -> None:
        super().monitor_work_horse(job, queue)
        if self._cut_short:
            with self.app.app_context():
                runner.hand_on(*job.args)

    def _end_horse(self) -> None:
        if self.horse_pid:
            self._cut_short = True
            self.kill_horse()


def work(queues: Sequence[str], *, patience: float = PATIENCE) -> None:
    """Listen until told to stop; a running job is finished first, or handed on after `patience` seconds.

    A Redis that fails is waited for.
    """
    from wsgi import app, settings

    with app.app_context():
        _share_what_is_loaded()
    with suppress(StopRequested):
        while not _listen(queues, app, settings.redis_url, patience):
            time.sleep(REDIS_PAUSE)


def _share_what_is_loaded() -> None:
    """What no horse changes stays one copy for all of them, also when its garbage is collected.

    The first connection of a process sets up 10 MB that every later one uses.
    """
    with suppress(OperationalError), db.engine.connect():
        pass
    db.engine.dispose()
    gc.collect()
    gc.freeze()


def _listen(queues: Sequence[str], app: Flask, redis_url: str, patience: float) -> bool:
    """True when told to stop; False when Redis failed in a way that the worker gives up at."""
    worker = None
    try:
        worker = _worker(queues, open_redis(redis_url))
        worker.app, worker.patience = app, patience
        worker.work(with_scheduler=False, logging_level="WARNING")
    except RedisError as error:
        log.error("queue_down", reason=str(error))
    return worker is not None and worker.was_told_to_stop


def _worker(queues: Sequence[str], connection: Redis) -> ForkingWorker:
    how: dict[str, Any] = {"connection": connection, "serializer": JSONSerializer, "job_class": NudgeJob}
    return ForkingWorker(
        [Queue(name, **how) for name in queues],
        **how,
        worker_ttl=60,
        job_monitoring_interval=5,
        maintenance_interval=30,
    )
