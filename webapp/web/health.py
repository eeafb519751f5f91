"""For whoever watches the servers: is this process alive, and can it do its work."""

from flask import Blueprint, Response, current_app
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from webapp.config import Settings
from webapp.core.db import db

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> Response:
    """The process answers; nothing else is asked."""
    return Response("ok\n", mimetype="text/plain")


@health.get("/readyz")
def ready() -> Response:
    """The database and the queue answer too; 503 names the one that does not."""
    missing = [name for name, answers in (("database", _database()), ("redis", _redis())) if not answers]
    said = f"{' and '.join(missing)} not answering\n" if missing else "ok\n"
    return Response(said, 503 if missing else 200, mimetype="text/plain")


def _database() -> bool:
    try:
        return bool(db.session.scalar(text("SELECT true")))
    except (DBAPIError, PoolTimeout):
        db.session.rollback()
        return False


def _redis() -> bool:
    settings: Settings = current_app.config["SETTINGS"]
    try:
        with Redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1) as queue:
            return bool(queue.ping())
    except RedisError:
        return False
