"""Which organization, and which login, the current transaction acts for, and how long it may think.

Row-level security reads both from the transaction's own settings, so a forgotten filter returns
nothing instead of somebody else's rows. A transaction is told before its next statement, and only
when it was not told already; the settings end with it. Nothing is counted on that was set for a whole
connection, where a pooler gives us another one each time. Where Citus spreads the rows over machines, they
are told in the one way that it passes on: SET LOCAL.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy import (
    Connection,
    FromClause,
    Row,
    Select,
    String,
    Uuid,
    bindparam,
    cast,
    event,
    func,
    select,
)
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.pool import ConnectionPoolEntry

from webapp.core import direct
from webapp.core.direct import ASIDE, Answer
from webapp.core.statements import ready, shared

_organization: ContextVar[UUID | None] = ContextVar("organization", default=None)
_login: ContextVar[UUID | None] = ContextVar("login", default=None)
_platform: ContextVar[bool] = ContextVar("platform", default=False)
_patience: ContextVar[str] = ContextVar("patience", default="")


class Told(NamedTuple):
    """What a transaction knows. A new one knows nobody."""

    organization: UUID | None = None
    login: UUID | None = None
    platform: bool = False
    patience: str = ""

    @property
    def words(self) -> tuple[str, str, str, str]:
        """As settings: empty for nobody."""
        who = str(self.organization or ""), str(self.login or "")
        return *who, "on" if self.platform else "", self.patience


_NOBODY = Told()
USUAL_PATIENCE = "30s"
LOCK_PATIENCE = "5s"
_IN_CONNECTION = "told"
_BEHIND_A_POOLER = "behind a pooler"
_PASSED_ON = "passed on"
_SETTINGS = (
    "SELECT set_config('app.organization_id', $1, true)"
    " || set_config('app.login_id', $2, true)"
    " || set_config('app.platform', $3, true)"
    " || set_config('statement_timeout', coalesce(nullif($4, ''), $5), true)"
    " || set_config('lock_timeout', $6, true)"
    " || set_config('role', $7, true)"
    " || coalesce(pg_advisory_xact_lock_shared($8)::text, '')"  # none when nobody asked for it
)
_SHARE = "SELECT pg_advisory_xact_lock_shared($1)"


def organization_id() -> UUID:
    """The organization this transaction acts for."""
    current = _organization.get()
    assert current is not None, "No organization was entered; use tenancy.acting_for()"
    return current


HERE = bindparam("here", callable_=organization_id, type_=Uuid())
"""In a statement that is made once: the organization that the transaction which executes it acts for."""


def organization_id_or_none() -> UUID | None:
    return _organization.get()


@contextmanager
def acting_for(organization: UUID) -> Iterator[None]:
    """Everything inside reads and writes this organization's rows only."""
    token = _organization.set(organization)
    try:
        yield
    finally:
        _organization.reset(token)


@contextmanager
def platform() -> Iterator[None]:
    """For the sweeper and the health page: sees everybody's outbox, and no other table's rows."""
    token = _platform.set(True)
    try:
        yield
    finally:
        _platform.reset(token)


@contextmanager
def seen_by(login: UUID) -> Iterator[None]:
    """Everything inside sees this login's own roles, in whichever organization they are."""
    token = _login.set(login)
    try:
        yield
    finally:
        _login.reset(token)


def enter(organization: UUID | None, login: UUID | None = None) -> None:
    """Set both for the rest of a request; `leave()` at its end."""
    _organization.set(organization)
    _login.set(login)


def be_patient_for(patience: str) -> None:
    """How long one statement may take from now on, such as `5s`; empty for as long as usual."""
    _patience.set(patience)


def leave() -> None:
    enter(None)
    be_patient_for("")


def telling(*, organization: InstrumentedAttribute[UUID], login: InstrumentedAttribute[UUID]) -> FromClause:
    """Tells the transaction of the row's organization and login, or of nobody. What a question for `enter_as`
    joins: whatever depends on it is looked up by who was told."""
    here, who = cast(organization, String), cast(login, String)
    return (
        select(
            func.set_config("statement_timeout", bindparam("patience"), True).label("patience"),
            func.set_config("app.organization_id", func.coalesce(here, ""), True).label("organization"),
            func.set_config("app.login_id", func.coalesce(who, ""), True).label("login"),
        )
        .correlate(organization.class_, login.class_)
        .offset(0)
        .lateral("told")
    )


def tells_by_asking(session: Session) -> bool:
    """Whether whom a question tells of is known to the rest of it: not where that is not passed on."""
    return not session.connection().info.get(_PASSED_ON)


def enter_as(
    session: Session, question: Select[*tuple[Any, ...]], values: Mapping[str, Any]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Ask as nobody, and act for the organization and login that stand last in each row of the answer.
    Asking tells the transaction."""
    patience = _patience.get()
    leave()
    answer = session.execute(question, {**values, "patience": patience or USUAL_PATIENCE}).all()
    here, who = answer[0][-2:]
    _was_told(session.connection(), UUID(here) if here else None, UUID(who) if who else None, patience)
    return answer


TOLD = shared(
    select(
        func.set_config("app.organization_id", bindparam("told_organization"), True).label("organization"),
        func.set_config("statement_timeout", bindparam("told_patience"), True).label("patience"),
    )
    .offset(0)
    .subquery("told")
)
"""What a question to `ask_inside` begins with: whatever depends on it is looked up by who was told."""


def ask_inside(
    connection: Connection, organization: UUID, question: Select[*tuple[Any, ...]], **values: Any
) -> Answer:
    """Act for this organization from here on. The question, which begins with TOLD, tells a transaction that
    knows nobody yet; any other one, and where the question's own telling is not passed on, is told before it.
    """
    text, sent = as_sent(organization, question, values, connection.dialect)
    if _is_told(connection, _NOBODY) and not connection.info.get(_PASSED_ON):
        connection.info[_IN_CONNECTION] = _wanted()
    return connection.exec_driver_sql(text, sent).first()


def as_sent(
    organization: UUID, question: Select[*tuple[Any, ...]], values: Mapping[str, Any], dialect: Dialect
) -> tuple[str, tuple[Any, ...]]:
    """Such a question as the driver takes it, and its values. We act for this organization from here on."""
    enter(organization)
    patience = _patience.get() or USUAL_PATIENCE
    values = {**values, "told_organization": str(organization), "told_patience": patience}
    question_ready = ready(question, dialect)
    return question_ready.text, question_ready.values(values)


def tells_all_by_asking(info: Mapping[str, Any]) -> bool:
    """Whether nothing has to be said before a question to `ask_inside` on the connection with this `info`."""
    return not info[_BEHIND_A_POOLER] and not info[_PASSED_ON]


def _was_told(connection: Connection, organization: UUID | None, login: UUID | None, patience: str) -> None:
    """By the question itself, so it is not told again, but where that is not passed on."""
    enter(organization, login)
    be_patient_for(patience)
    passed_on = connection.info.get(_PASSED_ON)
    connection.info[_IN_CONNECTION] = None if passed_on else _wanted()


@event.listens_for(Engine, "connect")
def _get_to_know(connection: "psycopg.Connection[tuple[int, bool]]", record: ConnectionPoolEntry) -> None:
    """Behind a pooler another process answers than the one we spoke to first, and what is prepared would stay
    with it. Citus says whether it passes settings on."""
    [[served_by, passed_on]] = connection.execute(_WHO_ANSWERS).fetchall()
    connection.rollback()
    record.info[_BEHIND_A_POOLER] = served_by != connection.info.backend_pid
    record.info[_PASSED_ON] = passed_on
    if record.info[_BEHIND_A_POOLER] or passed_on:
        connection.prepare_threshold = None


_WHO_ANSWERS = (
    "SELECT pg_backend_pid(), coalesce(current_setting('citus.propagate_set_commands', true), '') = 'local'"
)


@event.listens_for(Engine, "begin")
def _know_nobody(connection: Connection) -> None:
    connection.info[_IN_CONNECTION] = None if connection.info.get(_BEHIND_A_POOLER) else _NOBODY


@event.listens_for(Engine, "before_cursor_execute")
def _before_it_is_asked(connection: Connection, _: Any, statement: str, *__: Any) -> None:
    if statement.startswith("ROLLBACK TO SAVEPOINT"):
        connection.info[_IN_CONNECTION] = None  # what it was told since is forgotten again
    else:
        tell(connection)


def tell(connection: Connection) -> None:
    """For whom we act, if it was not told already. Happens by itself before whatever SQLAlchemy asks."""
    if not _is_told(connection, wanted := _wanted()):
        _say(connection, wanted)


def _is_told(connection: Connection, wanted: Told) -> bool:
    said: Told | None = connection.info.get(_IN_CONNECTION, _NOBODY)
    return said == wanted


def _say(connection: Connection, wanted: Told, *, sharing: int | None = None) -> None:
    connection.info[_IN_CONNECTION] = wanted
    role = connection.get_execution_options().get("role", "none")
    if connection.info.get(_PASSED_ON):
        connection.exec_driver_sql(_set_local(wanted, role), execution_options=ASIDE)
        return
    settings = (*wanted.words, USUAL_PATIENCE, LOCK_PATIENCE, role, sharing)
    direct.inside(connection, _SETTINGS, settings)


def share_lock(connection: Connection, key: int) -> None:
    """Hold this lock along with others until the transaction ends; asked for together with what the
    transaction is told, where it was not told yet."""
    wanted = _wanted()
    if connection.info.get(_PASSED_ON) or _is_told(connection, wanted):
        direct.inside(connection, _SHARE, (key,))
    else:
        _say(connection, wanted, sharing=key)


def _set_local(wanted: Told, role: str) -> str:
    """In one go. Each value is an id or a word of ours, and takes no parameters in such a statement."""
    organization, login, platform, patience = wanted.words
    values = {
        "app.organization_id": organization,
        "app.login_id": login,
        "app.platform": platform,
        "statement_timeout": patience or USUAL_PATIENCE,
        "lock_timeout": LOCK_PATIENCE,
        "role": role,
    }
    return "; ".join(f"SET LOCAL {name} TO '{value}'" for name, value in values.items())


def _wanted() -> Told:
    return Told(_organization.get(), _login.get(), _platform.get(), _patience.get())
