"""An extract of an account: its lines, newest first, each with the balance it left behind."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    and_,
    cast,
    func,
    literal,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute

from webapp.core import keyset, tenancy
from webapp.core.db import db
from webapp.domain.ledger.chart import Account
from webapp.domain.ledger.journal import Event, JournalEntry, Posting
from webapp.domain.organizations import Member


class Key(NamedTuple):
    """Where a line stands: by day, and within a day in the order of posting."""

    dated: date
    posting_id: UUID

    @classmethod
    def read(cls, text: str | None) -> "Key | None":
        """The key that `str(key)` wrote; None when it is none."""
        return keyset.read(text, cls, date.fromisoformat, UUID)

    def __str__(self) -> str:
        return keyset.written(self)


class Line(NamedTuple):
    """`change` and `balance` in minor units, positive on the side on which the account grows."""

    key: Key
    entry_id: UUID
    event: Event
    description: str
    source_kind: str
    source_id: UUID
    counter_account: str
    member: str
    change: int
    balance: int


@dataclass(frozen=True)
class Extract:
    """The lines that lie on one side of `debit` or `credit`. What moves within both of them is no line.

    A line is a posting; with `whole_entries` it is what an entry comes to, named after its largest posting.
    """

    debit: ColumnElement[bool]
    credit: ColumnElement[bool]
    grows_on_debit: bool = True
    since: date | None = None
    until: date | None = None
    whole_entries: bool = False

    @classmethod
    def of_chapter(
        cls, chapter_id: UUID, account: Account, *, since: date | None = None, until: date | None = None
    ) -> "Extract":
        """One account of one chapter."""
        return cls(
            and_(Posting.debit_chapter_id == chapter_id, Posting.debit_account_id == account.id),
            and_(Posting.credit_chapter_id == chapter_id, Posting.credit_account_id == account.id),
            account.kind.grows_on_debit,
            since,
            until,
        )

    @classmethod
    def of_account(
        cls,
        account: Account,
        *,
        apart_from: UUID | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> "Extract":
        """One account of everybody; without what moves between it and another one, if that is named."""
        debit, credit = Posting.debit_account_id == account.id, Posting.credit_account_id == account.id
        if apart_from is not None:
            debit = and_(debit, Posting.credit_account_id != apart_from)
            credit = and_(credit, Posting.debit_account_id != apart_from)
        return cls(debit, credit, account.kind.grows_on_debit, since, until)

    @classmethod
    def of_member(cls, member_id: UUID, *, since: date | None = None, until: date | None = None) -> "Extract":
        """Everything between a member and the organization: what is owed less what is held for the member.

        One line for each entry: that a fee was kept back of a payment is nothing between these two.
        """
        debit, credit = Posting.debit_member_id == member_id, Posting.credit_member_id == member_id
        return cls(debit, credit, since=since, until=until, whole_entries=True)

    def page(self, size: int, *, after: Key | None = None) -> list[Line]:
        """At most `size` lines, newest first, continuing after the given one."""
        place = tuple_(Posting.dated, Posting.id)
        further = [place < tuple_(literal(after.dated), literal(after.posting_id))] if after else []
        rows = db.session.execute(self._detailed(self._legs(*further, limit=size), newest_first=True)).all()
        if not rows:
            return []
        balance = self._balance_before(Key(rows[0].dated, rows[0].id)) + rows[0].change
        lines = []
        for row in rows:
            lines.append(_line(row, balance))
            balance -= row.change
        return lines

    def all(self) -> Iterator[Line]:
        """Every line, oldest first, read as they are asked for."""
        rows = db.session.execute(
            self._detailed(self._legs(), newest_first=False).execution_options(yield_per=1000)
        )
        balance = self.opening()
        for row in rows:
            balance += row.change
            yield _line(row, balance)

    def opening(self) -> int:
        """The balance before the first day."""
        return 0 if self.since is None else self._sum(Posting.dated < self.since)

    def closing(self) -> int:
        """The balance at the end of the last day."""
        return self._sum() if self.until is None else self._sum(Posting.dated <= self.until)

    def _balance_before(self, key: Key) -> int:
        place = tuple_(Posting.dated, Posting.id)
        return self._sum(place < tuple_(literal(key.dated), literal(key.posting_id)))

    def _sum(self, *conditions: ColumnElement[bool]) -> int:
        legs = union_all(*(self._leg(debit, *conditions) for debit in (True, False))).subquery()
        return int(db.session.scalar(select(func.coalesce(func.sum(legs.c.change), 0))) or 0)

    def _legs(self, *further: ColumnElement[bool], limit: int | None = None) -> Any:
        conditions = [*further]
        if self.since is not None:
            conditions.append(Posting.dated >= self.since)
        if self.until is not None:
            conditions.append(Posting.dated <= self.until)
        legs = [self._leg(debit, *conditions) for debit in (True, False)]
        if limit is not None and not self.whole_entries:
            legs = [leg.order_by(Posting.dated.desc(), Posting.id.desc()).limit(limit) for leg in legs]
        both = union_all(*legs).subquery("legs")
        if self.whole_entries:
            both = _by_entry(both)
        newest_first = (both.c.dated.desc(), both.c.id.desc())
        return select(both).order_by(*newest_first).limit(limit).subquery("legs") if limit else both

    def _leg(self, debit: bool, *conditions: ColumnElement[bool]) -> Any:
        mine, other = (self.debit, self.credit) if debit else (self.credit, self.debit)
        sign = 1 if debit is self.grows_on_debit else -1
        counter: InstrumentedAttribute[UUID] = (
            Posting.credit_account_id if debit else Posting.debit_account_id
        )
        leg: Any = select(
            Posting.dated,
            Posting.id,
            Posting.entry_id,
            (Posting.amount * sign).label("change"),
            counter.label("counter_id"),
            func.coalesce(Posting.debit_member_id, Posting.credit_member_id).label("member_id"),
        ).where(Posting.organization_id == tenancy.organization_id(), mine, other.is_not(true()), *conditions)
        return leg

    def _detailed(self, legs: Any, *, newest_first: bool) -> Select[Any]:
        organization_id = tenancy.organization_id()
        order = (legs.c.dated, legs.c.id)
        return (
            select(
                legs.c.dated,
                legs.c.id,
                legs.c.entry_id,
                legs.c.change,
                JournalEntry.event,
                JournalEntry.description,
                JournalEntry.source_kind,
                JournalEntry.source_id,
                Account.name.label("counter_account"),
                Member.first_name,
                Member.last_name,
            )
            .join(JournalEntry, _same(JournalEntry, organization_id, legs.c.entry_id))
            .join(Account, _same(Account, organization_id, legs.c.counter_id))
            .outerjoin(Member, _same(Member, organization_id, legs.c.member_id))
            .order_by(*(column.desc() if newest_first else column for column in order))
        )


def _by_entry(legs: Subquery) -> Subquery:
    """What each entry comes to, in the place of its first posting. Few rows: a member's are."""

    def first(column: ColumnElement[Any], by: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.array_agg(aggregate_order_by(column, by), type_=ARRAY(column.type))[1].label(column.name)

    largest = func.abs(legs.c.change).desc()
    whole = cast(func.sum(legs.c.change), BigInteger)
    columns = (
        legs.c.dated,
        first(legs.c.id, legs.c.id),
        legs.c.entry_id,
        whole.label("change"),
        first(legs.c.counter_id, largest),
        first(legs.c.member_id, largest),
    )
    return select(*columns).group_by(legs.c.dated, legs.c.entry_id).having(whole != 0).subquery("entries")


def _same(kind: Any, organization_id: UUID, row_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    return and_(kind.organization_id == organization_id, kind.id == row_id)


def _line(row: Any, balance: int) -> Line:
    return Line(
        key=Key(row.dated, row.id),
        entry_id=row.entry_id,
        event=row.event,
        description=row.description,
        source_kind=row.source_kind,
        source_id=row.source_id,
        counter_account=row.counter_account,
        member=f"{row.first_name} {row.last_name}".strip() if row.last_name is not None else "",
        change=row.change,
        balance=balance,
    )
