"""What a piece of code asks the database."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psycopg
from sqlalchemy import event

from webapp.core import direct
from webapp.core.db import db
from webapp.core.direct import Answer


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile, through SQLAlchemy or past it."""
    sent: list[str] = []

    def note(statement: str) -> None:
        sent.append(re.sub(r"\s+", " ", statement))

    def note_asked(_: Any, __: Any, statement: str, *___: Any) -> None:
        note(statement)

    def note_and_send(driver: psycopg.Connection[Any], statement: str, values: Sequence[Any]) -> Answer:
        note(statement)
        return send(driver, statement, values)

    send = direct.send
    event.listen(db.engine, "before_cursor_execute", note_asked)
    try:
        with mock.patch.object(direct, "send", note_and_send):
            yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note_asked)
