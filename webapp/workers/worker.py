"""The RQ worker: the application is loaded once, each job runs in a fork with connections of its own."""

from collections.abc import Sequence
from typing import Any

from flask import Flask
from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from webapp.core.db import db


class ForkingWorker(Worker):
    """Hands the loaded application to each work horse; a connection is never shared across the fork."""

    app: Flask

    def main_work_horse(self, *args: Any, **kwargs: Any) -> Any:
        with self.app.app_context():
            db.engine.dispose(close=False)
            return super().main_work_horse(*args, **kwargs)


def work(queues: Sequence[str]) -> None:
    """Listen until told to stop; a running job is finished first."""
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
    worker.app = app
    with app.app_context():
        db.engine.dispose()
    worker.work(with_scheduler=False, logging_level="WARNING")
