"""A member's, a chapter's or the organization's account over some days: what was owed before, what happened,
and what was owed after each. Rebuilt from the documents, and compared with the books.

What is owed is less what is held: account 1200 less 2100 and 2110. Amounts in minor units.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    Tuple,
    and_,
    cast,
    func,
    literal,
    select,
    tuple_,
)

from webapp.core import keyset, tenancy
from webapp.core.db import db
from webapp.domain.ledger import Code
from webapp.domain.organizations import Member
from webapp.domain.reporting.statement_events import Account, Kind, events
from webapp.domain.reporting.verification import booked

_BEYOND_ANY_BOOK = 2**53
HELD = (Code.RECEIVABLE, Code.UNAPPLIED_RECEIPTS, Code.CREDIT_NOTES)


class Key(NamedTuple):
    """Where a line stands: its day, and within the day what no two lines share. `place` counts from the first
    day of the statement on."""

    place: int
    dated: date
    source_id: UUID
    kind: Kind
    amount: int

    @classmethod
    def read(cls, text: str | None) -> "Key | None":
        """The key that `str(key)` wrote; None when it is none."""
        key = keyset.read(text, cls, int, date.fromisoformat, UUID, Kind, int)
        return key if key and max(abs(key.place), abs(key.amount)) < _BEYOND_ANY_BOOK else None

    def __str__(self) -> str:
        return keyset.written(self)


class Line(NamedTuple):
    """One event, and the balance after it."""

    key: Key
    about: str
    balance: int
    member: str
    document: str
    document_id: UUID

    @property
    def place(self) -> int:
        return self.key.place

    @property
    def dated(self) -> date:
        return self.key.dated

    @property
    def kind(self) -> Kind:
        return self.key.kind

    @property
    def amount(self) -> int:
        return self.key.amount

    @property
    def sentence(self) -> str:
        return self.kind.sentence(self.about)


@dataclass(frozen=True)
class Statement:
    """`booked` is what the books hold at the end of it: the closing balance, or something is wrong."""

    account: Account
    since: date
    until: date
    opening: int
    closing: int
    count: int
    booked: int

    @property
    def agrees(self) -> bool:
        return self.closing == self.booked

    def page(self, size: int, *, after: Key | None = None) -> Sequence[Line]:
        """Oldest first, from the given key on; what came before it is added up, not read."""
        found = events(self.account).subquery("events")
        rows = db.session.execute(self._named(found).where(*_from(after, found)).limit(size))
        balance = self.opening if after is None else self._balance_through(after, found)
        return list(_lines(rows, balance, after.place if after else 0))

    def all(self) -> Iterator[Line]:
        """Asked for when the first is read, some at a time: a file is read after its request."""
        found = events(self.account).subquery("events")
        rows = db.session.execute(self._named(found).execution_options(yield_per=500))
        yield from _lines(rows, self.opening, 0)

    def _balance_through(self, last: Key, found: Subquery) -> int:
        before = select(_sum(found.c.amount, _order(found) <= _tuple(last)))
        moved: int = db.session.execute(
            before.where(found.c.dated.between(self.since, last.dated))
        ).scalar_one()
        return self.opening + moved

    def _named(self, found: Subquery) -> Select[Any]:
        whose = and_(Member.organization_id == tenancy.organization_id(), Member.id == found.c.member_id)
        told = found.c.about, Member.name_column(), found.c.document, found.c.document_id
        return (
            select(*_key(found), *told)
            .join(Member, whose)
            .where(found.c.dated.between(self.since, self.until))
            .order_by(*_key(found))
        )


def statement(account: Account, since: date, until: date) -> Statement:
    found = events(account).subquery("events")
    day, amount = found.c.dated, found.c.amount
    opening, closing, count = db.session.execute(
        select(
            _sum(amount, day < since), _sum(amount, day <= until), func.count().filter(day >= since)
        ).where(day <= until)
    ).one()
    return Statement(account, since, until, opening, closing, count, _booked(account, until))


def _booked(account: Account, until: date) -> int:
    moved = booked.moves(*HELD).subquery("moved")
    found = select(_sum(moved.c.amount, moved.c.dated <= until))
    held: int = db.session.execute(found.where(*_whose(account, moved))).scalar_one()
    return held


def _whose(account: Account, moved: Subquery) -> list[ColumnElement[bool]]:
    wanted = {"member_id": account.member_id, "chapter_id": account.chapter_id}
    return [moved.c[name] == value for name, value in wanted.items() if value is not None]


def _sum(amount: Any, condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(amount).filter(condition), 0), BigInteger)


def _key(found: Subquery) -> tuple[ColumnElement[Any], ...]:
    return found.c.dated, found.c.source_id, found.c.kind, found.c.amount


def _order(found: Subquery) -> Tuple:
    return tuple_(*_key(found))


def _tuple(key: Key) -> Tuple:
    return tuple_(literal(key.dated), literal(key.source_id), literal(key.kind.value), literal(key.amount))


def _from(after: Key | None, found: Subquery) -> list[ColumnElement[bool]]:
    """The day alone narrows what is read of each document."""
    return [found.c.dated >= after.dated, _order(found) > _tuple(after)] if after else []


def _lines(rows: Iterable[Any], balance: int, before: int) -> Iterator[Line]:
    for place, (dated, source_id, kind, amount, about, member, *document) in enumerate(rows, before + 1):
        balance += amount
        yield Line(Key(place, dated, source_id, Kind(kind), amount), about, balance, member, *document)
