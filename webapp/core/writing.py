"""Rows that are written together: what a transaction adds goes in with one statement where it can.

What is added here waits until the database is asked for something, or for the commit, as what is added to a
session does; then all of it travels as one JSON document a table. So a document can say what it needs where
it needs it, and a payment with its allocations, its entry, its balances and its trail is one round trip.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import CTE, Connection, Engine, Function, event, inspect
from sqlalchemy.engine import ExecutionContext
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, SessionTransaction, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from webapp.core import direct, documents, tenancy
from webapp.core.db import Base, OrganizationRow, db, new_id
from webapp.core.documents import Shape

Values = Mapping[str, Any]
Part = tuple[CTE, Mapping[str, Any]]
"""Of the last statement, with its parameters."""
_IN_SESSION, _HOLDER = "held", "holder"


@dataclass
class _Held:
    """What one transaction has still to write, all of it for one organization."""

    transaction: SessionTransaction
    organization: UUID
    added: list[OrganizationRow] = field(default_factory=list)
    noted: list[tuple[str, Values]] = field(default_factory=list)
    taken: dict[str, Callable[[], Exception]] = field(default_factory=dict)
    once: dict[UUID, tuple[str, Values, Callable[[UUID], None]]] = field(default_factory=dict)
    changed: dict[OrganizationRow, dict[str, Any]] = field(default_factory=dict)
    made: dict[CTE, tuple[dict[str, list[Any]], Callable[[UUID], None]]] = field(default_factory=dict)

    def has(self, kind: type[OrganizationRow]) -> bool:
        """Whether a row of this kind waits, leaving aside what is yet to be made from others."""
        rows = (row.__tablename__ for row in (*self.added, *self.changed))
        values = (table for table, *_ in (*self.noted, *self.once.values()))
        return kind.__tablename__ in (*rows, *values)


def add(row: OrganizationRow) -> None:
    """Like adding it to the session."""
    row.organization_id, row.id = tenancy.organization_id(), row.id or new_id()
    _fill(row, _defaults(row.__tablename__))
    _held().added.append(row)


def change(row: OrganizationRow, **values: Any) -> None:
    """The row holds these values from now on. What the session has still to add, it adds with them."""
    if not inspect(row, raiseerr=True).persistent:
        for name, value in values.items():
            setattr(row, name, value)
        return
    for name, value in values.items():
        set_committed_value(row, name, value)
    _held().changed.setdefault(row, {}).update(values)


def note(kind: type[OrganizationRow], *, taken: Callable[[], Exception] | None = None, **values: Any) -> None:
    """A row that nobody has in hand. `taken` makes the refusal when one that is to be unique is there."""
    held = _held()
    held.noted.append((kind.__tablename__, _identified(values)))
    if taken is not None:
        held.taken.setdefault(kind.__tablename__, taken)


def note_once(kind: type[OrganizationRow], if_new: Callable[[UUID], None], **values: Any) -> None:
    """The same unless a unique key says that it is there. `if_new` hears its id once it is written."""
    row = _identified(values)
    _held().once[row["id"]] = (kind.__tablename__, row, if_new)


def note_made(making: CTE, if_new: Callable[[UUID], None], **lists: list[Any]) -> None:
    """Rows that are made from others, right before the commit. `if_new` hears the id of each."""
    known, _ = _held().made.setdefault(making, ({}, if_new))
    for name, values in lists.items():
        known.setdefault(name, []).extend(values)


def waits(row: OrganizationRow) -> bool:
    """Whether it has yet to be written, so that the database knows nothing of it."""
    held: _Held | None = db.session().info.get(_IN_SESSION)
    return held is not None and row in held.added


def any_waits(kind: type[OrganizationRow]) -> bool:
    held: _Held | None = db.session().info.get(_IN_SESSION)
    return held is not None and held.has(kind)


def aside(kind: type[OrganizationRow]) -> Mapping[str, bool]:
    """Options of a question about rows of this kind alone: while none of them is held, all may wait on."""
    return {} if any_waits(kind) else direct.ASIDE


_last: list[Callable[[], Iterable[Part]]] = []


def at_the_end(parts: Callable[[], Iterable[Part]]) -> Callable[[], Iterable[Part]]:
    """What is written with the rest, but not before the commit."""
    _last.append(parts)
    return parts


@event.listens_for(Engine, "begin")
def _nobody_holds_yet(connection: Connection) -> None:
    connection.info[_HOLDER] = None


@event.listens_for(Session, "after_begin")
def _this_session_holds(session: Session, _: SessionTransaction, connection: Connection) -> None:
    connection.info[_HOLDER] = session


@event.listens_for(Engine, "before_cursor_execute", insert=True)
def _before_anything_else(
    connection: Connection, _: Any, statement: str, __: Any, context: ExecutionContext, ___: bool
) -> None:
    """Whatever is asked finds what was held."""
    session: Session | None = connection.info.get(_HOLDER)
    aside = context.execution_options.get("aside") or statement.startswith("ROLLBACK TO SAVEPOINT")
    if session is not None and _IN_SESSION in session.info and not aside:
        write(session)


@event.listens_for(Session, "after_transaction_create")
def _before_a_savepoint(session: Session, begun: SessionTransaction) -> None:
    """What is held by now outlives it."""
    if begun.nested:
        write(session)


@event.listens_for(Session, "after_soft_rollback")
def _given_up(session: Session, ended: SessionTransaction) -> None:
    """What was held since a savepoint is given up with it."""
    if ended.nested and (forgotten := _take_rows(session)):
        for row in forgotten.changed:
            session.expire(row)


@event.listens_for(Session, "before_flush")
def _before_the_rest(session: Session, *_: Any) -> None:
    write(session)


@event.listens_for(Session, "before_commit")
def _before_the_commit(session: Session) -> None:
    at_last = () if session.in_nested_transaction() else [part for parts in _last for part in parts()]
    write_all(session, *at_last)


def write(session: Session) -> None:
    """All that is held, now, in one statement. What is made from others waits until all others are there."""
    if held := _take_rows(session):
        _write(session, held)


def write_all(session: Session, *last: Part) -> None:
    """The same with what is written last, after all that the session has to write by itself."""
    if session.new or session.deleted or session.dirty:
        session.flush()
    if last:
        _held()
    if held := _take(session):
        _write(session, held, last)


def _write(session: Session, held: _Held, last: Sequence[Part] = ()) -> None:
    sent = _sent(held)
    if not sent and not held.made and not last:
        return
    statement = documents.statement(tuple(sent), tuple(held.made), tuple(part for part, _ in last))
    values: dict[str, Any] = {
        f"part_{place}": documents.written(rows) for place, rows in enumerate(sent.values())
    }
    for named in [*(named for named, _ in held.made.values()), *(named for _, named in last)]:
        values |= named
    with tenancy.acting_for(held.organization):
        try:
            connection = held.transaction.connection(None)
            tenancy.tell(connection)
            answer = direct.inside(connection, statement.text, statement.values(values))
        except IntegrityError as error:
            raise _refusal(held, error) from error
        assert answer is not None, "It always selects something"
        *new, changed = answer
        if changed != len(held.changed):
            raise StaleDataError("A row that was to be changed is not there any more")
        _settle(session, held)
        _tell_of_new(held, new)


def _held() -> _Held:
    """For whom we act now: what is held for somebody else is written first."""
    session, here = db.session(), tenancy.organization_id()
    now = session.get_transaction() or session.begin()
    held: _Held | None = session.info.get(_IN_SESSION)
    if held is None or held.transaction is not now or held.organization != here:
        if others := _take(session):
            _write(session, others)
        held = session.info[_IN_SESSION] = _Held(now, here)
    return held


def _take(session: Session) -> _Held | None:
    """What is held, for whoever writes it now. What was held before a rollback is forgotten."""
    held: _Held | None = session.info.pop(_IN_SESSION, None)
    return held if held is not None and held.transaction is session.get_transaction() else None


def _take_rows(session: Session) -> _Held | None:
    """The same without what is made from others, which goes on waiting."""
    held = _take(session)
    if held is None or not held.made:
        return held
    session.info[_IN_SESSION] = _Held(held.transaction, held.organization, made=held.made)
    return replace(held, made={})


def _identified(values: Values) -> Values:
    return {"organization_id": tenancy.organization_id(), "id": new_id(), **values}


def _sent(held: _Held) -> Mapping[Shape, list[Values]]:
    """The rows by what is done with them, their table, and the columns they name."""
    found: dict[Shape, list[Values]] = {}
    rows = [("add", row.__tablename__, _values_of(row)) for row in held.added]
    rows += [("add", table, values) for table, values in held.noted]
    rows += [("once", table, values) for table, values, _ in held.once.values()]
    rows += [("change", row.__tablename__, _changes_of(row, to)) for row, to in held.changed.items()]
    for deed, table, values in rows:
        found.setdefault((deed, table, tuple(values)), []).append(values)
    return found


def _values_of(row: OrganizationRow) -> Values:
    """What it says itself; the rest is the database's."""
    given = inspect(row, raiseerr=True).dict
    return {name: given[name] for name in _columns(row.__tablename__) if name in given}


def _changes_of(row: OrganizationRow, to: Values) -> Values:
    return {"organization_id": row.organization_id, "id": row.id, **to}


def _fill(row: OrganizationRow, values: Values) -> None:
    """What it does not say itself."""
    given = inspect(row, raiseerr=True).dict
    given.update(values | given)


@cache
def _columns(table: str) -> Sequence[str]:
    return [one.key for one in Base.metadata.tables[table].columns]


@cache
def _defaults(table: str) -> Values:
    """What a row holds where nothing was said."""
    known = {one.key: one.default for one in Base.metadata.tables[table].columns}
    return {name: said.arg for name, said in known.items() if isinstance(said, ScalarElementColumnDefault)}


@cache
def _nothing(table: str) -> Values:
    """What is empty where nothing was said: where the database says nothing itself, either."""
    return {one.key: None for one in Base.metadata.tables[table].columns if one.server_default is None}


def _settle(session: Session, held: _Held) -> None:
    """From here on the session knows them. What was left to the database is read when somebody asks."""
    for row in held.added:
        _fill(row, _nothing(row.__tablename__))
        make_transient_to_detached(row)
        session.add(row)
        left = [key for key, value in inspect(row, raiseerr=True).dict.items() if isinstance(value, Function)]
        if left:
            session.expire(row, left)


def _tell_of_new(held: _Held, new: Sequence[Sequence[UUID] | None]) -> None:
    """The statement's answer: a column for each kind of row made from others, then those added once."""
    made = [if_new for _, if_new in held.made.values()]
    for place, ids in enumerate(new):
        for row_id in ids or ():
            (made[place] if place < len(made) else held.once[row_id][2])(row_id)


def _refusal(held: _Held, error: IntegrityError) -> Exception:
    """What whoever added the row says about it, if it was there already and somebody foresaw that."""
    if isinstance(error.orig, UniqueViolation):
        taken = held.taken.get(error.orig.diag.table_name or "")
        return taken() if taken else error
    return error
