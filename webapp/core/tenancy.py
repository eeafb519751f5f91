"""Which organization, and which login, the current transaction acts for.

Row-level security reads both from the transaction's own settings, so a forgotten filter returns
nothing instead of somebody else's rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID
from weakref import ReferenceType, ref

from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session, SessionTransaction

_organization: ContextVar[UUID | None] = ContextVar("organization", default=None)
_login: ContextVar[UUID | None] = ContextVar("login", default=None)
_platform: ContextVar[bool] = ContextVar("platform", default=False)
_session: ContextVar[ReferenceType[Session] | None] = ContextVar("session", default=None)

_SETTINGS = text(
    "SELECT set_config('app.organization_id', :organization, true),"
    " set_config('app.login_id', :login, true), set_config('app.platform', :platform, true)"
)


def organization_id() -> UUID:
    """The organization this transaction acts for."""
    current = _organization.get()
    assert current is not None, "No organization was entered; use tenancy.acting_for()"
    return current


def organization_id_or_none() -> UUID | None:
    return _organization.get()


@contextmanager
def acting_for(organization: UUID) -> Iterator[None]:
    """Everything inside reads and writes this organization's rows only."""
    token = _organization.set(organization)
    _tell_open_transaction()
    try:
        yield
    finally:
        _organization.reset(token)
        _tell_open_transaction()


@contextmanager
def platform() -> Iterator[None]:
    """For the sweeper and the health page: sees everybody's outbox, and no other table's rows."""
    token = _platform.set(True)
    _tell_open_transaction()
    try:
        yield
    finally:
        _platform.reset(token)
        _tell_open_transaction()


@contextmanager
def seen_by(login: UUID) -> Iterator[None]:
    """Everything inside sees this login's own roles, in whichever organization they are."""
    token = _login.set(login)
    _tell_open_transaction()
    try:
        yield
    finally:
        _login.reset(token)
        _tell_open_transaction()


def enter(organization: UUID | None, login: UUID | None = None) -> None:
    """Set both for the rest of a request; `leave()` at its end."""
    _organization.set(organization)
    _login.set(login)
    _tell_open_transaction()


def leave() -> None:
    enter(None)


@event.listens_for(Session, "after_begin")
def _tell_new_transaction(session: Session, _: SessionTransaction, connection: Connection) -> None:
    _session.set(ref(session))
    _configure(connection)


def _tell_open_transaction() -> None:
    reference = _session.get()
    session = reference() if reference else None
    if session is not None and session.in_transaction():
        _configure(session.connection())


def _configure(connection: Connection) -> None:
    connection.execute(
        _SETTINGS,
        {
            "organization": str(_organization.get() or ""),
            "login": str(_login.get() or ""),
            "platform": "on" if _platform.get() else "",
        },
    )
