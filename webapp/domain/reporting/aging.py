"""What is owed on a day, by how long it has been due. Amounts in minor units; days after the due date."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    select,
)

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.organizations import Chapter, Member
from webapp.domain.reporting import receivables
from webapp.domain.reporting.receivables import Whose

BUCKETS = ("Current", "1–30 days", "31–60 days", "61–90 days", "Over 90 days")
NAMES = ("current", "days_1_30", "days_31_60", "days_61_90", "over_90")
_UPPER = (0, 30, 60, 90)


class By(StrEnum):
    """What sums are made of."""

    CHAPTER = "chapter"
    MEMBER = "member"
    SCHEDULE = "schedule"


@dataclass(frozen=True)
class Aging:
    """Five sums: not yet due, 1 to 30, 31 to 60, 61 to 90 days, and longer. Their total is account 1200.

    `amount_days` is what is past due, each amount times its days.
    """

    amounts: tuple[int, int, int, int, int]
    invoices: int
    amount_days: int = 0

    @property
    def total(self) -> int:
        return sum(self.amounts)

    @property
    def labelled(self) -> list[tuple[str, int]]:
        return list(zip(BUCKETS, self.amounts, strict=True))

    @property
    def past_due(self) -> int:
        return sum(self.amounts[1:])

    @property
    def delinquency_rate(self) -> float:
        """What of all that is owed is past due, 0 to 1."""
        return self.past_due / self.total if self.total > 0 else 0.0

    @property
    def average_days(self) -> float:
        """How long what is past due has been so, each day weighed by its amount."""
        return self.amount_days / self.past_due if self.past_due > 0 else 0.0


@dataclass(frozen=True)
class Wanted(Whose):
    """Whose invoices, at the end of which day. Before `today` they are looked at as they were then, otherwise
    as they stand now."""

    on: date
    today: date
    bucket: int | None = None


def aging(on: date, *, today: date | None = None, chapter_id: UUID | None = None) -> Aging:
    """Of this organization, or one chapter of it. With `today`, a day before it is looked at as it was then;
    else the invoices count as they stand now, aged to the given day."""
    return total(Wanted(on, today or on, chapter_id=chapter_id))


def total(wanted: Wanted) -> Aging:
    """Grouped by due date first: few groups to sort into buckets afterwards, read from the index alone."""
    found = _standing(wanted)
    rows = db.session.execute(
        select(found.c.due_on, func.sum(found.c.owed), func.count()).group_by(found.c.due_on)
    )
    return _sorted_into_buckets(wanted.on, [(row[0], row[1], row[2]) for row in rows])


def groups(wanted: Wanted, by: By, *, over_90_above: int | None = None) -> Select[Any]:
    """`id`, `code` and `name` of each chapter, member or schedule that is owed something, the columns of
    NAMES, their `total`, and how many `invoices`; the most owed first.

    With `over_90_above` only those that owe more than that for over 90 days.
    """
    found = _standing(wanted)
    owed, bucket, key = found.c.owed, bucket_of(wanted.on, found.c.due_on), found.c[f"{by.value}_id"]
    sums = {name: func.sum(owed).filter(bucket == number) for number, name in enumerate(NAMES)}
    columns = [_whole(value).label(name) for name, value in sums.items()]
    whole = _whole(func.sum(owed)).label("total")
    summed = select(key.label("id"), *columns, whole, func.count().label("invoices")).group_by(key)
    if over_90_above is not None:
        summed = summed.having(_whole(sums["over_90"]) > over_90_above)
    each = summed.subquery("each")
    kind, code, name = _NAMED[by]
    same = and_(kind.organization_id == tenancy.organization_id(), kind.id == each.c.id)
    named = select(each.c.id, code.label("code"), name.label("name"), *list(each.c)[1:])
    return named.join(kind, same).order_by(each.c.total.desc(), each.c.id)


def severe(wanted: Wanted, above: int) -> Select[Any]:
    """Members who owe more than that for over 90 days, as `groups` tells them, who owes most of it first.
    Each with how many `people` they are, and what that comes to `together`."""
    found = groups(wanted, By.MEMBER, over_90_above=above).order_by(None).subquery("severe")
    all_of_it = (
        func.count().over().label("people"),
        _whole(func.sum(found.c.over_90).over()).label("together"),
    )
    return select(*found.c, *all_of_it).order_by(found.c.over_90.desc(), found.c.id)


def invoices(wanted: Wanted) -> Select[Any]:
    """The invoices that a figure is the sum of, with what each owed and the days it was past due, by id."""
    found = _standing(wanted)
    days = func.greatest(_days(wanted.on, found.c.due_on), 0)
    columns = Invoice.number, Invoice.due_on, found.c.owed, days.label("days"), Member.id.label("member_id")
    name, number = Member.name_column().label("member"), Member.number.label("member_number")
    named = name, number, Chapter.name.label("chapter")
    here = tenancy.organization_id()
    statement = (
        select(Invoice.id, *columns, *named)
        .select_from(found)
        .join(Invoice, and_(Invoice.organization_id == here, Invoice.id == found.c.invoice_id))
        .join(Member, and_(Member.organization_id == here, Member.id == found.c.member_id))
        .join(Chapter, and_(Chapter.organization_id == here, Chapter.id == found.c.chapter_id))
        .order_by(Invoice.id)
    )
    if wanted.bucket is None:
        return statement
    return statement.where(bucket_of(wanted.on, found.c.due_on) == wanted.bucket)


def count_and_sum(wanted: Wanted) -> tuple[int, int]:
    """How many invoices `invoices` finds, and what they come to."""
    found = _standing(wanted)
    sums = select(func.count(), func.coalesce(func.sum(found.c.owed), 0))
    if wanted.bucket is not None:
        sums = sums.where(bucket_of(wanted.on, found.c.due_on) == wanted.bucket)
    count, owed = db.session.execute(sums).one()
    return count, int(owed)


def _standing(wanted: Wanted) -> Subquery:
    if wanted.on < wanted.today:
        return receivables.owed_at(wanted.on, *wanted.conditions).subquery("standing")
    whose = [Invoice.id.label("invoice_id"), *(getattr(Invoice, name) for name in receivables.WHOSE[1:])]
    here = Invoice.organization_id == tenancy.organization_id()
    return select(*whose, Invoice.owed).where(here, Invoice.owed > 0, *wanted.conditions).subquery("standing")


_NAMED: dict[By, tuple[Any, Any, Any]] = {
    By.CHAPTER: (Chapter, Chapter.code, Chapter.name),
    By.MEMBER: (Member, Member.number, Member.name_column()),
    By.SCHEDULE: (AssessmentSchedule, literal(""), AssessmentSchedule.name),
}


def _days(on: Any, due_on: Any) -> ColumnElement[int]:
    return cast(cast(on, Date) - due_on, Integer)


def bucket_of(on: Any, due_on: Any) -> ColumnElement[int]:
    """The place in NAMES of what was due on that day, at the end of another; either may be a column."""
    days = _days(on, due_on)
    return case(*((days <= limit, number) for number, limit in enumerate(_UPPER)), else_=len(_UPPER))


def _whole(value: Any) -> ColumnElement[int]:
    return cast(func.coalesce(value, 0), BigInteger)


def _sorted_into_buckets(on: date, rows: list[tuple[date, int, int]]) -> Aging:
    amounts, amount_days = [0, 0, 0, 0, 0], 0
    for due_on, owed, _ in rows:
        days = (on - due_on).days
        amounts[sum(days > limit for limit in _UPPER)] += int(owed)
        amount_days += max(days, 0) * int(owed)
    first, second, third, fourth, last = amounts
    return Aging((first, second, third, fourth, last), sum(row[2] for row in rows), amount_days)
