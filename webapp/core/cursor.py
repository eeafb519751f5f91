"""How statements reach the driver: as PostgreSQL takes them, with $1 for the first value.

So the driver need not look through each statement for its values first, however long it is.
"""

from typing import Any

import psycopg
from psycopg import RawCursor, RawServerCursor
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import ConnectionPoolEntry


class Cursor(RawCursor[Any]):
    """Says of an answer's columns what SQLAlchemy asks: their names and types."""

    @property
    def description(self) -> Any:
        """Without length, precision and scale, which the driver would look up for every column each time."""
        answer = self.pgresult
        if answer is None or not answer.nfields:
            return super().description
        names = [(answer.fname(place) or b"").decode() for place in range(answer.nfields)]
        return [(name, answer.ftype(place), *_NOT_ASKED) for place, name in enumerate(names)]


_NOT_ASKED = (None,) * 5


def engine_options(**connect_args: Any) -> dict[str, Any]:
    """Of every engine: what tells a transaction whom it acts for is written for such cursors."""
    return {"paramstyle": "numeric_dollar", "connect_args": {**connect_args, "cursor_factory": Cursor}}


@event.listens_for(Engine, "connect")
def _same_for_long_answers(connection: psycopg.Connection[Any], _: ConnectionPoolEntry) -> None:
    """Those that come piece by piece."""
    if connection.cursor_factory is Cursor:
        connection.server_cursor_factory = RawServerCursor
