"""Connections that died while they lay in the pool are found before somebody uses them.

Asking each one each time would cost every page a round trip, so whoever was used a moment ago is trusted: if
it did die since, that one request is answered with 503, and the pool forgets all of its connections.
"""

import time
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

TRUSTED_FOR = 1.0
"""Seconds."""


def watch(engine: Engine) -> None:
    event.listen(engine, "connect", _was_used)
    event.listen(engine, "checkin", _was_used)
    event.listen(engine, "checkout", _ask)


def _was_used(_: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _ask(connection: psycopg.Connection[Any], record: Any, _: Any) -> None:
    if time.monotonic() - record.info["used_at"] < TRUSTED_FOR:
        return
    try:
        connection.autocommit = True
        connection.execute("")
        connection.autocommit = False
    except psycopg.OperationalError as error:
        raise DisconnectionError from error
