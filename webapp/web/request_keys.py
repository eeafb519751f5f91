"""Answers already given: the same key and the same body act once, also after a double click.

The key's row is written by the first transaction of the request. A second request with the same key waits
there for the first to commit, then for its answer, and gets that instead of a second effect.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec

from flask import Response, g, make_response, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from psycopg.errors import LockNotAvailable
from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webapp.core import tenancy
from webapp.core.db import at_start, db, transaction
from webapp.core.errors import Conflict, Refusal
from webapp.core.request_keys import RequestKey

P = ParamSpec("P")
PATIENCE = 5.0
"""Seconds that a repetition waits for the first request's answer, looking every so often."""
LOOK_EVERY = 0.05
GIVEN_UP_AFTER = timedelta(minutes=2)
"""No request lasts so long: its process ended in the middle."""
_KEPT_HEADERS = ("Location", "Content-Type", "HX-Redirect")


class SameKeyOtherRequest(Conflict):
    code = "key-used-before"
    message = "This form was sent before with other content."
    next_step = "Load the page again and enter it afresh."


class SameKeyOtherBody(Refusal):
    """For programs, which choose their keys themselves."""

    status = 422
    code = "key-used-before"
    message = "This Idempotency-Key was used before with another body."
    next_step = "Use a new key for a new request."


class StillRunning(Conflict):
    code = "still-running"
    message = "The same request was sent before and is still running."
    next_step = "Send it again with the same key in a few seconds to get its answer."
    retry_after = 2


class AnswerLost(Conflict):
    """The first request acted, and then its process ended before it could keep the answer."""

    message = "This was sent before and is done."
    next_step = "Look at the current state to see the outcome."


class AlreadyAnswered(Exception):
    """The first request with this key did it; its answer is given again."""


@dataclass(frozen=True)
class _Asked:
    key: str
    scope: str
    fingerprint: str


def acts_once(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """For views that write: a repeated form key or Idempotency-Key gets the first answer again."""

    @wraps(view)
    def once(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        asked = _asked()
        if asked is None:
            return view(*args, **kwargs)
        return _answered(asked) or _answer(asked, lambda: make_response(view(*args, **kwargs)))

    return once


def _answer(asked: _Asked, act: Callable[[], Response]) -> Response:
    g.request_key = asked
    try:
        answer = act()
    except AlreadyAnswered as repeated:
        answer_before = _answered(asked)
        if answer_before is None:
            raise StillRunning from repeated
        return answer_before
    except Refusal:
        answer_meanwhile = _answered_meanwhile(asked)
        if answer_meanwhile is None:
            raise
        return answer_meanwhile
    finally:
        g.pop("request_key", None)
    if g.pop("request_key_written", False):
        _keep(asked, answer)
    elif answer.status_code >= HTTPStatus.BAD_REQUEST:
        return _answered_meanwhile(asked) or answer
    return answer


@contextmanager
def repeatable() -> Iterator[None]:
    """For steps that find their own earlier effect: the key is written after, so they can be tried again."""
    asked = g.pop("request_key", None)
    yield
    if asked is not None:
        g.request_key = asked


def _asked() -> _Asked | None:
    key = request.headers.get("Idempotency-Key") or request.form.get("form_key")
    if not key:
        return None
    who = g.program.login.id if "program" in g else getattr(current_user, "id", None) or "anyone"
    hashed = hashlib.sha256(request.query_string + b"\0")
    for name, value in sorted(request.form.items(multi=True), key=str):
        if name != "csrf_token":
            hashed.update(f"{name}={value}\0".encode())
    for upload in request.files.values():
        hashed.update(f"{upload.filename}\0".encode() + upload.read())
        upload.seek(0)
    hashed.update(b"" if request.form or request.files else request.get_data())
    return _Asked(key[:255], f"{who}|{request.method} {request.path}", hashed.hexdigest())


@at_start
def _write_key(session: Session) -> None:
    asked: _Asked | None = g.pop("request_key", None) if g else None
    if asked is None:
        return
    row = insert(RequestKey).values(
        organization_id=tenancy.organization_id(),
        key=asked.key,
        scope=asked.scope,
        fingerprint=asked.fingerprint,
        headers={},
    )
    try:
        written = session.execute(row.on_conflict_do_nothing().returning(RequestKey.id)).first()
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise StillRunning from error
        raise
    if written is None:
        raise AlreadyAnswered
    g.request_key_written = True


def _answered(asked: _Asked) -> Response | None:
    """The answer of the first request with this key, waited for while it runs; None when there was none."""
    until = time.monotonic() + PATIENCE
    while (row := _found(asked)) is not None:
        if row.fingerprint != asked.fingerprint:
            raise SameKeyOtherBody if "program" in g else SameKeyOtherRequest
        if row.status is not None:
            return Response(row.body or "", row.status, row.headers)
        if row.age > GIVEN_UP_AFTER:
            raise AnswerLost
        if time.monotonic() > until:
            raise StillRunning
        db.session.rollback()  # gives the connection back: the first request needs one, too
        time.sleep(LOOK_EVERY)
    return None


def _answered_meanwhile(asked: _Asked) -> Response | None:
    """For one that was refused before it wrote anything: perhaps for what the first request had just done."""
    return None if g.pop("request_key_written", False) else _answered(asked)


def _found(asked: _Asked) -> Row[Any] | None:
    age = func.now() - RequestKey.created_at
    columns = (RequestKey.fingerprint, RequestKey.status, RequestKey.headers, RequestKey.body)
    return db.session.execute(select(*columns, age.label("age")).where(*_is(asked))).first()


def _keep(asked: _Asked, answer: Response) -> None:
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    with transaction():
        db.session.execute(
            update(RequestKey)
            .where(*_is(asked))
            .values(status=answer.status_code, headers=headers, body=answer.get_data(as_text=True))
        )


def _is(asked: _Asked) -> tuple[Any, ...]:
    return (
        RequestKey.organization_id == tenancy.organization_id(),
        RequestKey.scope == asked.scope,
        RequestKey.key == asked.key,
    )
