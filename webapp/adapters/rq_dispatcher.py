"""Carries nudges to RQ. A nudge that can't be sent is no loss: the sweeper sends it again."""

from collections import defaultdict
from collections.abc import Sequence

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from webapp.core.jobs import Nudge

PERFORM = "webapp.workers.runner.perform"
QUEUES = ("now", "mail", "bulk")

log = structlog.get_logger()


class RqDispatcher:
    """Queues hold the job's two ids as JSON and nothing else, and forget finished ones at once."""

    def __init__(self, redis_url: str) -> None:
        self.connection = Redis.from_url(redis_url, socket_timeout=5, socket_connect_timeout=2)

    def queue(self, name: str) -> Queue:
        return Queue(name, connection=self.connection, serializer=JSONSerializer, default_timeout=900)

    def nudge(self, nudges: Sequence[Nudge]) -> None:
        by_queue = defaultdict(list)
        for nudge in nudges:
            by_queue[nudge.queue].append(
                Queue.prepare_data(
                    PERFORM,
                    args=(str(nudge.organization_id), str(nudge.job_id)),
                    result_ttl=0,
                    failure_ttl=3600,
                    timeout=900,
                )
            )
        try:
            for name, prepared in by_queue.items():
                self.queue(name).enqueue_many(prepared)
        except RedisError as error:
            log.warning("nudge_not_sent", reason=str(error), jobs=len(nudges))
