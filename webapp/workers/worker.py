"""The RQ worker: the application is loaded once, each job runs in a fork with connections of its own."""

import threading
from collections.abc import Sequence
from typing import Any

from flask import Flask
from redis import Redis
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from webapp.core.db import db
from webapp.workers import runner

PATIENCE = 25
"""Seconds that a job may go on after the worker was told to stop."""


class ForkingWorker(Worker):
    """Hands the loaded application to each work horse; a connection is never shared across the fork.

    Told to stop, it lets its job finish; a job that takes too long is ended and handed on to another worker.
    """

    app: Flask
    patience: float = PATIENCE
    _cut_short = False

    def main_work_horse(self, *args: Any, **kwargs: Any) -> Any:
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
    """Listen until told to stop; a running job is finished first, or handed on after `patience` seconds."""
    from wsgi import app, settings

    connection = Redis.from_url(settings.redis_url)
    worker = ForkingWorker(
        [Queue(name, connection=connection, serializer=JSONSerializer) for name in queues],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=60,
        job_monitoring_interval=5,
        maintenance_interval=30,
    )
    worker.app, worker.patience = app, patience
    with app.app_context():
        db.engine.dispose()
    worker.work(with_scheduler=False, logging_level="WARNING")
