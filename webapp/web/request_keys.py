"""Answers already given: the same key and the same body act once, also after a double click.

The key's row is written by the first transaction of the request. A second request with the same key waits
there for the first to commit, and then gets its answer instead of a second effect.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec

from flask import Response, g, make_response, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import Index, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.core import tenancy
from webapp.core.db import Base, OrganizationRow, at_start, db, references_organization, transaction
from webapp.core.errors import Conflict, Refusal

P = ParamSpec("P")
_KEPT_HEADERS = ("Location", "Content-Type", "HX-Redirect")


class RequestKey(OrganizationRow, Base):
    """`scope` is who asked and where (login, method, path); `fingerprint` the hash of what was asked."""

    __tablename__ = "request_keys"

    key: Mapped[str]
    scope: Mapped[str]
    fingerprint: Mapped[str]
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    body: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references_organization(),
        Index("uq_request_keys_once", "organization_id", "scope", "key", unique=True),
    )


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
        earlier = _answered(asked)
        if earlier is not None:
            return earlier
        g.request_key = asked
        try:
            answer = make_response(view(*args, **kwargs))
        except AlreadyAnswered:
            return _answered(asked) or _still_working()
        finally:
            g.pop("request_key", None)
        if g.pop("request_key_written", False):
            _keep(asked, answer)
        return answer

    return once


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
    written = session.execute(
        insert(RequestKey)
        .values(
            organization_id=tenancy.organization_id(),
            key=asked.key,
            scope=asked.scope,
            fingerprint=asked.fingerprint,
            headers={},
        )
        .on_conflict_do_nothing()
        .returning(RequestKey.id)
    ).first()
    if written is None:
        raise AlreadyAnswered
    g.request_key_written = True


def _answered(asked: _Asked) -> Response | None:
    row = db.session.execute(
        select(RequestKey.fingerprint, RequestKey.status, RequestKey.headers, RequestKey.body).where(
            *_is(asked)
        )
    ).first()
    if row is None:
        return None
    if row.fingerprint != asked.fingerprint:
        raise SameKeyOtherBody if "program" in g else SameKeyOtherRequest
    if row.status is None:
        return _still_working()
    return Response(row.body or "", row.status, row.headers)


def _still_working() -> Response:
    raise Conflict("This was sent a moment ago and is done.", next_step="Load the page to see the outcome.")


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
