"""Where REDIS_URL leads: to one Redis, or to whichever one its sentinels say is the master now."""

from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from redis import Redis
from redis.sentinel import Sentinel

SENTINELS = "redis+sentinel"
SENTINEL_PATIENCE = 1
"""Seconds until the next sentinel is asked."""

_Sentinel: Any = Sentinel  # redis-py has no types for it


def open_redis(url: str, **options: Any) -> Redis:
    """`redis+sentinel://user:password@host:26379,host:26379/service/database?sentinel_password=…`, or what
    redis-py knows: redis://, rediss:// and unix://. Nobody is connected to before something is sent."""
    parts = urlsplit(url)
    if parts.scheme != SENTINELS:
        return Redis.from_url(url, **options)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    service, _, database = parts.path.strip("/").partition("/")
    sentinels = _Sentinel([_place(host) for host in hosts.split(",")], sentinel_kwargs=_to_sentinels(parts))
    master: Redis = sentinels.master_for(
        service,
        db=int(database or 0),
        username=unquote(user) or None,
        password=unquote(password) or None,
        **options,
    )
    return master


def _place(host: str) -> tuple[str, int]:
    name, _, port = host.partition(":")
    return name, int(port or 26379)


def _to_sentinels(parts: SplitResult) -> dict[str, Any]:
    patience = {
        "socket_timeout": SENTINEL_PATIENCE,
        "socket_connect_timeout": SENTINEL_PATIENCE,
        "retry": None,
    }
    return patience | {"password": parse_qs(parts.query).get("sentinel_password", [None])[0]}
