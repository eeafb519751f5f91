"""Who listens to the queues right now."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from redis.exceptions import RedisError
from rq import Worker
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker

from webapp.adapters.redis_connection import open_redis
from webapp.core import clock

SILENT_AFTER = timedelta(minutes=2)


class RqPulse:
    """Asked rarely, and answered within a second even when Redis is away."""

    def __init__(self, redis_url: str) -> None:
        self._redis = open_redis(redis_url, socket_timeout=1, socket_connect_timeout=1, retry=None)

    def answers(self) -> bool:
        try:
            return bool(self._redis.ping())
        except RedisError:
            return False

    def workers(self) -> Mapping[str, int] | None:
        try:
            found = Worker.all(connection=self._redis, serializer=JSONSerializer)
        except RedisError:
            return None
        alive = [worker for worker in found if _lives(worker)]
        return Counter(name for worker in alive for name in worker.queue_names())


def _lives(worker: BaseWorker) -> bool:
    beat = worker.last_heartbeat
    return beat is not None and clock.now() - beat < SILENT_AFTER
