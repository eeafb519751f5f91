"""For whoever watches the servers: is this process alive, and can it do its work."""

from flask import Blueprint, Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from webapp import wiring
from webapp.core.db import db

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> Response:
    """The process answers; nothing else is asked."""
    return Response("ok\n", mimetype="text/plain")


@health.get("/readyz")
def ready() -> Response:
    """The database and the queue answer too; 503 names the one that does not."""
    missing = [
        name
        for name, answers in (("database", _database()), ("redis", wiring.pulse().answers()))
        if not answers
    ]
    said = f"{' and '.join(missing)} not answering\n" if missing else "ok\n"
    return Response(said, 503 if missing else 200, mimetype="text/plain")


def _database() -> bool:
    try:
        return bool(db.session.scalar(text("SELECT true")))
    except (DBAPIError, PoolTimeout):
        db.session.rollback()
        return False
