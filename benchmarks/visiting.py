"""Somebody who is signed in and opens pages, without a network in between."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from typing import Any
from unittest import mock

import psycopg
from flask import Flask
from sqlalchemy import event
from werkzeug.test import EnvironBuilder, run_wsgi_app

from webapp.core import direct, tenancy
from webapp.core.db import db, new_id, transaction
from webapp.core.direct import Answer
from webapp.domain.organizations import Chapter, Login, Member, Organization, RoleName, roles, sessions


class Visitor:
    """A browser with a session cookie; each page is asked for in a context of its own, as on a server."""

    def __init__(self, app: Flask, login: Login) -> None:
        with transaction():
            token = sessions.start(login, roles.session_limits(login), methods=[sessions.Method.PASSKEY])
        seal: Any = app.session_interface
        name = app.config["SESSION_COOKIE_NAME"]
        self.app = app
        self.cookie = f"{name}={seal.get_signing_serializer(app).dumps({'token': token})}"

    def open(self, address: str) -> bytes:
        """The page, read to its end; it must be one."""
        return b"".join(self.stream(address))

    def stream(self, address: str) -> Iterator[bytes]:
        builder = EnvironBuilder(path=address.partition("?")[0], query_string=address.partition("?")[2])
        builder.headers["Cookie"] = self.cookie
        context = Context()
        parts, status, headers = context.run(run_wsgi_app, self.app, builder.get_environ())
        assert status.startswith("200"), f"{status} {address}"
        self.cookie = headers.get("Set-Cookie", self.cookie).partition(";")[0]
        pieces = iter(parts)
        while True:
            piece = context.run(next, pieces, None)
            if piece is None:
                break
            yield piece
        if hasattr(parts, "close"):
            context.run(parts.close)


def visitor(app: Flask, made: Organization, role: RoleName) -> Visitor:
    return Visitor(app, somebody(made, role))


def somebody(made: Organization, role: RoleName) -> Login:
    """Who has this role: treasurer of the first chapter, or the first member."""
    with tenancy.acting_for(made.id), transaction():
        return Login.by_email(_address(made, role)) or _with_role(made, role)


def _with_role(made: Organization, role: RoleName) -> Login:
    chapter = Chapter.here().first(Chapter.code == "C0") if role is RoleName.TREASURER else None
    member = Member.here().first(Member.number == "M0000000") if role is RoleName.MEMBER else None
    login = Login(id=new_id(), name="Ana", email=_address(made, role))
    db.session.add(login)
    db.session.flush()
    roles.grant(login, role, chapter=chapter, member=member, by=None)
    return login


def _address(made: Organization, role: RoleName) -> str:
    return f"{role.value}@{made.slug}.example.org"


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile, through SQLAlchemy or past it."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    def note_and_send(driver: psycopg.Connection[Any], statement: str, values: Sequence[Any]) -> Answer:
        sent.append(statement)
        return send(driver, statement, values)

    send = direct.send
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with mock.patch.object(direct, "send", note_and_send):
            yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
