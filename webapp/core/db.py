"""The Flask-SQLAlchemy binding, what every table has in common, and the only commit."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, Protocol, Self, TypeVar
from uuid import UUID

import uuid_utils.compat
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Enum,
    ForeignKeyConstraint,
    MetaData,
    Numeric,
    Select,
    Text,
    Uuid,
    bindparam,
    event,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from webapp.core import failpoints, tenancy
from webapp.core.errors import NotFound
from webapp.core.statements import made_for_each


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {
        UUID: Uuid(),
        str: Text(),
        int: BigInteger(),
        date: Date(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
        Decimal: Numeric(),
        StrEnum: Enum(
            StrEnum,
            native_enum=False,
            create_constraint=True,
            length=40,
            values_callable=lambda kind: [member.value for member in kind],
        ),
    }


db = SQLAlchemy(metadata=Base.metadata, disable_autonaming=True, session_options={"expire_on_commit": False})


def new_id() -> UUID:
    """A UUIDv7: unique everywhere, and rows made together lie together in the index."""
    return uuid_utils.compat.uuid7()


def database_time() -> datetime:
    """When this transaction began, by the one clock that all machines share."""
    moment: datetime = db.session.execute(select(func.now())).scalar_one()
    return moment


RowT = TypeVar("RowT", bound="OrganizationRow")


class Scope(Generic[RowT]):
    """The rows of one kind inside one organization. Another organization's row is simply not there."""

    def __init__(self, kind: type[RowT], organization_id: UUID) -> None:
        self.kind = kind
        self.organization_id = organization_id

    def select(self, *conditions: ColumnElement[bool]) -> Select[RowT]:
        return select(self.kind).where(self.kind.organization_id == self.organization_id, *conditions)

    def get(self, row_id: UUID, *, lock: bool = False) -> RowT:
        """The row with this id, locked for change if asked; NotFound when this organization has none."""
        key = {"organization": self.organization_id, "row": row_id}
        found: RowT | None = db.session.scalars(_by_key((self.kind, lock)), key).first()
        if found is None:
            raise NotFound
        return found

    def first(self, *conditions: ColumnElement[bool], lock: bool = False) -> RowT | None:
        statement = self.select(*conditions).limit(1)
        return db.session.scalars(_locked(statement) if lock else statement).first()

    def all(self, *conditions: ColumnElement[bool], order_by: Any = None) -> Sequence[RowT]:
        statement = self.select(*conditions)
        return db.session.scalars(statement.order_by(order_by) if order_by is not None else statement).all()


@made_for_each
def _by_key(wanted: tuple[type[Any], bool]) -> Select[Any]:
    kind, lock = wanted
    statement = select(kind).where(
        kind.organization_id == bindparam("organization", type_=Uuid()),
        kind.id == bindparam("row", type_=Uuid()),
    )
    return _locked(statement) if lock else statement


def _locked(statement: Select[RowT]) -> Select[RowT]:
    """For change: as the rows are once they are held, whatever was read of them before."""
    return statement.with_for_update().execution_options(populate_existing=True)


class OrganizationRow:
    """A row that belongs to one organization: keyed by both, found only inside it."""

    __tablename__: Any

    organization_id: Mapped[UUID] = mapped_column(
        primary_key=True, default=tenancy.organization_id, sort_order=-2
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-1)

    @classmethod
    def in_(cls, organization: "HasId") -> Scope[Self]:
        return Scope(cls, organization.id)

    @classmethod
    def here(cls) -> Scope[Self]:
        """Inside the organization this transaction acts for."""
        return Scope(cls, tenancy.organization_id())


class HasId(Protocol):
    @property
    def id(self) -> Any: ...


def references(table: str, column: str, **options: Any) -> ForeignKeyConstraint:
    """A foreign key that can't leave the organization: it holds both columns."""
    return ForeignKeyConstraint(
        ["organization_id", column], [f"{table}.organization_id", f"{table}.id"], **options
    )


def references_organization() -> ForeignKeyConstraint:
    """For tables with no other parent inside the organization."""
    return ForeignKeyConstraint(["organization_id"], ["organizations.id"])


def belongs_to(column: str, target: str) -> Any:
    """`belongs_to("Invoice.member_id", "Member")`: the row above, loaded only when a query asks for it."""
    owner, name = column.split(".")
    return relationship(
        target,
        primaryjoin=f"and_({owner}.organization_id == {target}.organization_id,"
        f" foreign({owner}.{name}) == {target}.id)",
        viewonly=True,
        lazy="raise",
    )


Hook = Callable[[Session], None]
_at_start: list[Hook] = []
_after_commit: list[Hook] = []


def at_start(hook: Hook) -> Hook:
    """Runs first in every transaction, for instance to hold the lease of the job it belongs to."""
    _at_start.append(hook)
    return hook


def after_commit(hook: Hook) -> Hook:
    """Runs once the effect is safe, outside of any transaction."""
    _after_commit.append(hook)
    return hook


def keep_even_if_refused(session: Session, row: Base) -> None:
    """A row that must outlive a refusal, such as the decision that blocked a posting."""
    session.info.setdefault("kept", []).append(row)


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: all of it happens, or none of it. The only place that commits; does not nest."""
    session = db.session()
    assert not session.info.get("in_transaction"), "Transactions do not nest"
    session.info["in_transaction"] = True
    try:
        for hook in _at_start:
            hook(session)
        yield session
        failpoints.passing("commit")
        session.commit()
        failpoints.passing("committed")
    except BaseException:
        give_up(session)
        _keep(session)
        raise
    finally:
        session.info["in_transaction"] = False
        session.info.pop("kept", None)
    for hook in _after_commit:
        hook(session)


@contextmanager
def noting() -> Iterator[Session]:
    """A transaction nobody needs: while the database can't be written, what it notes is left out."""
    with suppress(OperationalError, InternalError), transaction() as session:
        yield session


def give_up(session: Session) -> None:
    """Undo what was begun. What was loaded can still be shown beside the refusal, without a query."""
    session.expunge_all()
    session.rollback()


@event.listens_for(Session, "after_rollback")
def _let_go_before_it_expires(session: Session) -> None:
    """A flush or a commit that fails rolls back by itself, and would forget what was loaded."""
    if session.info.get("in_transaction"):
        session.expunge_all()


def _keep(session: Session) -> None:
    for row in session.info.pop("kept", []):
        session.add(row)
    session.commit()
