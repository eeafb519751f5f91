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
    """Whether requests may be sent here: 503 without the database. Without Redis work goes on, and waits."""
    if not _database():
        return Response("database not answering\n", 503, mimetype="text/plain")
    said = "ok\n" if wiring.pulse().answers() else "ok, but redis not answering\n"
    return Response(said, mimetype="text/plain")


def _database() -> bool:
    try:
        return bool(db.session.scalar(text("SELECT true")))
    except (DBAPIError, PoolTimeout):
        db.session.rollback()
        return False
