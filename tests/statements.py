"""What a piece of code asks the database."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

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


def gives_away(send: Callable[[UUID], Any], theirs: UUID) -> list[str]:
    """What tells an id that is somebody else's from one that nobody has."""
    nobodys = uuid4()
    if _answered(send, theirs) == _answered(send, nobodys):
        return []
    again = _answered(send, theirs), _answered(send, nobodys)  # the first request of a kind may note more
    return [f"{told!r} and not {other!r}" for told, other in zip(*again, strict=True) if told != other]


def _answered(send: Callable[[UUID], Any], row_id: UUID) -> tuple[Any, ...]:
    """All that can be seen and is not new each time, and what the database was asked, which takes time."""
    with statements() as sent:
        answer = send(row_id)
    words, request_id = answer.get_data(as_text=True), answer.headers["X-Request-ID"]
    for new in (request_id, str(row_id)):
        words = words.replace(new, "…")
    return answer.status_code, words, sent
