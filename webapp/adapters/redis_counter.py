"""Counts in Redis, where every process adds to them: a work horse lives for one job and could keep none."""

from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from redis.exceptions import RedisError

from webapp.adapters.redis_connection import open_redis
from webapp.core.tally import Counted


class RedisCounter:
    """One hash per kind, a field per name and outcome. If Redis forgets them, they begin at zero again."""

    def __init__(self, redis_url: str) -> None:
        self._redis = open_redis(
            redis_url, socket_timeout=1, socket_connect_timeout=1, retry=None, decode_responses=True
        )

    def add(self, what: Counted, name: str, outcome: str) -> None:
        with suppress(RedisError):
            self._redis.hincrby(f"duesbook:{what}", f"{name} {outcome}", 1)

    def all(self, what: Counted) -> Mapping[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        with suppress(RedisError):
            kept = cast("dict[str, str]", self._redis.hgetall(f"duesbook:{what}"))
            for field, count in kept.items():
                name, _, outcome = field.partition(" ")
                found[name, outcome] = int(count)
        return found
