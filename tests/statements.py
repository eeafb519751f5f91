"""What a piece of code asks the database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sqlalchemy import PoolProxiedConnection, event

from webapp.core import at_once
from webapp.core.db import db


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(re.sub(r"\s+", " ", statement))

    def note_and_send(connection: PoolProxiedConnection, statement: str, values: Any) -> Any:
        note(None, None, statement)
        return send(connection, statement, values)

    send = at_once.send
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with mock.patch.object(at_once, "send", note_and_send):
            yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
