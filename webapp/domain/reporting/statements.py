"""A member's, a chapter's or the organization's account over some days: what was owed before, what happened,
and what was owed after each. Rebuilt from the documents, and compared with the books.

What is owed is less what is held: account 1200 less 2100 and 2110. Amounts in minor units.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, Subquery, and_, cast, func, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.ledger import Code
from webapp.domain.organizations import Member
from webapp.domain.reporting.statement_events import Account, Kind, events
from webapp.domain.reporting.verification import booked

HELD = (Code.RECEIVABLE, Code.UNAPPLIED_RECEIPTS, Code.CREDIT_NOTES)


class Line(NamedTuple):
    """One event, and the balance after it. `place` counts from the first day of the statement on."""

    place: int
    dated: date
    kind: Kind
    about: str
    amount: int
    balance: int
    member: str
    document: str
    document_id: UUID

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

    def page(self, size: int, *, after: int = 0) -> Sequence[Line]:
        """Oldest first, from the given place on."""
        found = self._lines().subquery("lines")
        some = select(found).where(found.c.place > after).order_by(found.c.place).limit(size)
        return [_line(row) for row in db.session.execute(some)]

    def all(self) -> Iterator[Line]:
        """Asked for while they are read, some at a time."""
        rows = db.session.execute(self._lines().order_by("place").execution_options(yield_per=500))
        yield from map(_line, rows)

    def _lines(self) -> Select[Any]:
        found = events(self.account).subquery("events")
        order = found.c.dated, found.c.source_id, found.c.kind, found.c.amount
        place = func.row_number().over(order_by=order)
        running = func.sum(found.c.amount).over(order_by=order, rows=(None, 0))
        name = Member.name_column().label("member")
        whose = and_(Member.organization_id == tenancy.organization_id(), Member.id == found.c.member_id)
        return (
            select(
                place.label("place"), found.c.dated, found.c.kind, found.c.about, found.c.amount,
                cast(running + self.opening, BigInteger).label("balance"), name,
                found.c.document, found.c.document_id,
            )
            .join(Member, whose)
            .where(found.c.dated.between(self.since, self.until))
        )  # fmt: skip


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


def _line(row: Any) -> Line:
    return Line(*row)._replace(kind=Kind(row.kind))
