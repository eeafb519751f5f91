"""Carries nudges to RQ. A nudge that can't be sent is no loss: the sweeper sends it again."""

import time
from collections import defaultdict
from collections.abc import Sequence

import structlog
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from webapp.adapters.redis_connection import open_redis
from webapp.core.jobs import Nudge

PERFORM = "webapp.workers.runner.perform"
QUEUES = ("now", "mail", "bulk")
PROBE_EVERY = 5
"""Seconds for which what was found out about Redis is believed, so that nobody waits for it each time."""

log = structlog.get_logger()


class RqDispatcher:
    """Queues hold the job's two ids as JSON and nothing else, and forget finished ones at once."""

    def __init__(self, redis_url: str) -> None:
        self.connection = open_redis(redis_url, socket_timeout=2, socket_connect_timeout=1, retry=None)
        self._works, self._believed_until = True, 0.0

    def works(self) -> bool:
        """Whether a nudge would arrive: Redis answers, and has room for one."""
        if time.monotonic() >= self._believed_until:
            try:
                self._note(works=bool(self.connection.set("duesbook:probe", "room for a nudge", ex=60)))
            except RedisError as error:
                log.error("queue_down", reason=str(error))
                self._note(works=False)
        return self._works

    def queue(self, name: str) -> Queue:
        return Queue(name, connection=self.connection, serializer=JSONSerializer, default_timeout=900)

    def nudge(self, nudges: Sequence[Nudge]) -> bool:
        if not self._works and time.monotonic() < self._believed_until:
            return False
        by_queue = defaultdict(list)
        for nudge in nudges:
            by_queue[nudge.work.queue].append(
                Queue.prepare_data(
                    PERFORM,
                    args=(str(nudge.organization_id), str(nudge.job_id)),
                    result_ttl=0,
                    failure_ttl=3600,
                    timeout=nudge.work.lease,
                )
            )
        try:
            for name, prepared in by_queue.items():
                self.queue(name).enqueue_many(prepared)
        except RedisError as error:
            log.error("queue_down", reason=str(error), jobs=len(nudges))
            self._note(works=False)
        else:
            self._note(works=True)
        return self._works

    def _note(self, *, works: bool) -> None:
        self._works, self._believed_until = works, time.monotonic() + PROBE_EVERY
