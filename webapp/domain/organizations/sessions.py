"""Signed-in browsers. The cookie holds a random token, the table its hash; so it can be ended from afar."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, and_, false, func, select, update
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from webapp.core import clock
from webapp.core.crypto import token_hash
from webapp.core.db import Base, database_time, db, new_id
from webapp.domain.organizations.login import Login

_SEEN_EVERY = timedelta(minutes=1)
_FRESH_FOR = timedelta(minutes=15)
_PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"),
    ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """How long a session lasts without being used, and at all."""

    idle: timedelta
    whole: timedelta


FOR_STAFF = Limits(idle=timedelta(minutes=30), whole=timedelta(hours=12))
FOR_MEMBERS = Limits(idle=timedelta(hours=24), whole=timedelta(days=7))
WHILE_WAITING = Limits(idle=timedelta(minutes=10), whole=timedelta(minutes=10))


class Method(StrEnum):
    """How somebody showed who they are. `demo` is the one click that only the demo has."""

    MEMORIZED = "password"
    APP_CODE = "app_code"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"
    MAILED_LINK = "mailed_link"
    DEMO = "demo"


_STRONG = frozenset({Method.APP_CODE, Method.RECOVERY_CODE, Method.PASSKEY, Method.DEMO})


def is_strong(methods: Collection[str]) -> bool:
    """Whether a second factor was among them. A passkey is two at once; codes are asked for after a first."""
    return not _STRONG.isdisjoint(methods)


class LoginSession(Base):
    """Lasts until it is ended, was idle for too long, or has reached its end.

    `methods` is how its person signed in, `confirmed_at` when they last showed that it is them, and
    `fully_confirmed_at` when with all that signing in asks for. One that is `waiting` has seen the password
    and not yet the second factor: it opens nothing.
    """

    __tablename__ = "login_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    idle_after: Mapped[timedelta]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None]
    browser: Mapped[str | None]
    methods: Mapped[list[Any]] = mapped_column(server_default="[]")
    confirmed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    fully_confirmed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    waiting: Mapped[bool] = mapped_column(server_default=false())
    browser_hash: Mapped[str | None]

    login: Mapped[Login] = relationship(viewonly=True, lazy="raise")

    @property
    def device(self) -> str:
        """`Firefox on Windows`, as far as the browser says so."""
        said = self.browser or ""
        program = next((name for mark, name in _PROGRAMS if mark in said), "A browser")
        system = next((name for mark, name in _SYSTEMS if mark in said), None)
        return f"{program} on {system}" if system else program

    @property
    def is_strong(self) -> bool:
        return is_strong(self.methods)

    @property
    def is_fresh(self) -> bool:
        """Whether its person showed lately who they are; nobody in the demo has anything to show."""
        return self._is_since(self.confirmed_at)

    @property
    def is_fully_fresh(self) -> bool:
        """The same, with all that signing in asks for."""
        return self._is_since(self.fully_confirmed_at)

    def _is_since(self, shown_at: datetime) -> bool:
        return Method.DEMO in self.methods or shown_at > database_time() - _FRESH_FOR

    @property
    def use_is_due(self) -> bool:
        """Whether its last use was noted long enough ago to note the next. Where our clock is off, always."""
        return abs(clock.now() - self.last_seen_at) > _SEEN_EVERY

    def end(self) -> None:
        self.ended_at = func.now()


_ALIVE = (
    LoginSession.ended_at.is_(None),
    LoginSession.expires_at > func.now(),
    LoginSession.last_seen_at + LoginSession.idle_after > func.now(),
)


def start(
    login: Login,
    limits: Limits,
    *,
    methods: Collection[Method] = (),
    waiting: bool = False,
    address: str | None = None,
    browser: str | None = None,
    mark: str | None = None,
) -> str:
    """A new session's token, known to the browser alone. By its `mark` a browser is known again."""
    token = secrets.token_urlsafe(32)
    db.session.add(
        LoginSession(
            login_id=login.id,
            token_hash=token_hash(token),
            idle_after=limits.idle,
            expires_at=func.now() + limits.whole,
            methods=list(methods),
            waiting=waiting,
            address=address,
            browser=browser[:200] if browser else None,
            browser_hash=token_hash(mark) if mark else None,
        )
    )
    return token


def is_alive(hashed: str | ColumnElement[str], *, waiting: bool = False) -> ColumnElement[bool]:
    """The session of this token's hash, joined with its login, while both are alive."""
    return and_(
        LoginSession.token_hash == hashed,
        LoginSession.waiting.is_(waiting),
        Login.disabled_at.is_(None),
        *_ALIVE,
    )


def whose_was(token: str) -> UUID | None:
    """The login of a session that ran out. Whoever signed out, or was signed out, left on purpose."""
    ran_out = select(LoginSession.login_id).where(
        LoginSession.token_hash == token_hash(token),
        LoginSession.waiting.is_(False),
        LoginSession.ended_at.is_(None),
    )
    login_id: UUID | None = db.session.scalar(ran_out)
    return login_id


def find_waiting(token: str) -> LoginSession | None:
    """The session of this token, with its login, while it waits for the second factor."""
    found = select(LoginSession).join(LoginSession.login).options(contains_eager(LoginSession.login))
    return db.session.scalars(found.where(is_alive(token_hash(token), waiting=True))).first()


def is_new_browser(login: Login, mark: str) -> bool:
    """Whether this person signed in before, and never from the browser with this mark."""
    mine = select(
        func.count(LoginSession.browser_hash),
        func.count().filter(LoginSession.browser_hash == token_hash(mark)),
    ).where(LoginSession.login_id == login.id, LoginSession.waiting.is_(False))
    before, from_here = db.session.execute(mine).one()
    return before > 0 and from_here == 0


def confirm(session_id: UUID, methods: Collection[Method], *, fully: bool = False) -> str:
    """Its person has just shown, by these means, who they are. The session goes on under a new token."""
    token = secrets.token_urlsafe(32)
    found = db.session.get_one(LoginSession, session_id, with_for_update=True, populate_existing=True)
    found.methods = sorted({*found.methods, *methods})
    found.confirmed_at = func.now()
    if fully:
        found.fully_confirmed_at = func.now()
    found.token_hash = token_hash(token)
    return token


def saw(session_id: UUID) -> None:
    """Note that it is in use."""
    db.session.execute(
        update(LoginSession).where(LoginSession.id == session_id, *_ALIVE).values(last_seen_at=func.now()),
        execution_options={"synchronize_session": False},
    )


def open_ones(login: Login) -> Sequence[LoginSession]:
    """Where somebody is signed in, the latest first."""
    mine = select(LoginSession).where(
        LoginSession.login_id == login.id, LoginSession.waiting.is_(False), *_ALIVE
    )
    return db.session.scalars(mine.order_by(LoginSession.last_seen_at.desc())).all()


def end(token: str) -> None:
    _end(LoginSession.token_hash == token_hash(token))


def end_all(login: Login, *, but: UUID | None = None) -> None:
    """Sign out everywhere, except in the session `but`."""
    _end(LoginSession.login_id == login.id, LoginSession.id.is_distinct_from(but))


def _end(*conditions: ColumnElement[bool]) -> None:
    db.session.execute(
        update(LoginSession).where(LoginSession.ended_at.is_(None), *conditions).values(ended_at=func.now()),
        execution_options={"synchronize_session": False},
    )
