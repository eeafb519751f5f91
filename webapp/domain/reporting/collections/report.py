"""The figures of an organization, or what it is made of, over one or several spans: one statement each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    Integer,
    Select,
    Subquery,
    and_,
    cast,
    column,
    func,
    null,
    select,
    values,
)

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.ledger.fiscal_years import FiscalYear
from webapp.domain.organizations import Chapter, Member, PledgeClass
from webapp.domain.reporting import receivables
from webapp.domain.reporting.aging import NAMES, bucket_of
from webapp.domain.reporting.collections.figures import Figures, Span
from webapp.domain.reporting.collections.movements import Movement
from webapp.domain.reporting.receivables import NO_CLASS, Whose

YEARS = 4


class By(StrEnum):
    """What figures are made of: whose invoices, or for which billing period they were issued."""

    CHAPTER = "chapter"
    PLEDGE_CLASS = "pledge_class"
    PERIOD = "period"


@dataclass(frozen=True)
class Group:
    """Of members in no pledge class `id` is NO_CLASS and `name` None; a fiscal year has no `id`."""

    id: UUID | None
    name: str | None
    figures: Figures


def of(span: Span, whose: Whose | None = None) -> Figures:
    return of_each([span], whose)[0]


def of_each(spans: Sequence[Span], whose: Whose | None = None) -> list[Figures]:
    """In the order of the spans, which may overlap."""
    rows = db.session.execute(_summed(spans, whose or Whose(), None))
    found = {row.place: _figures(spans[row.place], row) for row in rows}
    return [found.get(place, Figures(span)) for place, span in enumerate(spans)]


def groups(span: Span, by: By, whose: Whose | None = None) -> list[Group]:
    """Those that were ever billed until the last day, by name, periods the latest first; they add up to the
    whole."""
    return groups_of_each([span], by, whose)[0]


def groups_of_each(spans: Sequence[Span], by: By, whose: Whose | None = None) -> list[list[Group]]:
    """In the order of the spans, which may overlap."""
    whose = whose or Whose()
    each = _summed(spans, whose, by).subquery("each")
    kind, name, order = _NAMED[by]
    if by is By.PLEDGE_CLASS and whose.chapter_id is None:
        name = order = Chapter.name + ", " + PledgeClass.name
    same = and_(kind.organization_id == tenancy.organization_id(), kind.id == each.c.key)
    named = select(each, name.label("name")).outerjoin(kind, same).order_by(order, each.c.key)
    if by is By.PLEDGE_CLASS:
        of_chapter = and_(
            Chapter.organization_id == PledgeClass.organization_id, Chapter.id == PledgeClass.chapter_id
        )
        named = named.outerjoin(Chapter, of_chapter)
    found: list[list[Group]] = [[] for _ in spans]
    for row in db.session.execute(named):
        found[row.place].append(Group(row.key, row.name, _figures(spans[row.place], row)))
    return found


def fiscal_years(until: date, month: int, whose: Whose | None = None) -> list[Group]:
    """The year that the day lies in as far as that day, and those of the YEARS before it that have anything;
    the latest first. Each begins with what the one before it closed with."""
    years = [FiscalYear.of(until, month)]
    while len(years) <= YEARS:
        years.append(years[-1].before)
    spans = [Span(year.starts_on, min(year.ends_on, until)) for year in years]
    figures = of_each(spans, whose)
    named = [Group(None, year.name, its) for year, its in zip(years, figures, strict=True)]
    return [named[0], *(one for one in named[1:] if one.figures != Figures(one.figures.span))]


def since_billed(period_id: UUID, until: date) -> Span:
    """From the first day on which an invoice of that billing period was issued; else the last day alone."""
    of_period = Invoice.organization_id == tenancy.organization_id(), Invoice.period_id == period_id
    first = db.session.scalar(select(func.min(Invoice.issued_on)).where(*of_period))
    return Span(min(first or until, until), until)


_NAMED: dict[By, tuple[Any, Any, Any]] = {
    By.CHAPTER: (Chapter, Chapter.name, Chapter.name),
    By.PLEDGE_CLASS: (PledgeClass, PledgeClass.name, PledgeClass.name),
    By.PERIOD: (BillingPeriod, BillingPeriod.name, BillingPeriod.starts_on.desc()),
}


def _summed(spans: Sequence[Span], whose: Whose, by: By | None) -> Select[Any]:
    """`place` of the span, `key`, and the sums. Each is read from what changed on the same day for invoices
    that were due on the same day, which are few however many invoices there are."""
    daily = _daily(max(span.until for span in spans), whose, by)
    days = values(column("place", Integer), column("since", Date), column("until", Date), name="spans").data(
        [(place, span.since, span.until) for place, span in enumerate(spans)]
    )
    amount, inside = daily.c.amount, daily.c.dated >= days.c.since
    age = bucket_of(days.c.until, daily.c.due_on)
    sums = {
        "opening": func.sum(amount).filter(daily.c.dated < days.c.since),
        **{
            one.value: func.sum(amount).filter(inside, daily.c.kind.in_(one.kinds))
            * (-1 if one.settles else 1)
            for one in Movement
        },
        **{name: func.sum(amount).filter(age == place) for place, name in enumerate(NAMES)},
    }
    columns = [cast(func.coalesce(one, 0), BigInteger).label(name) for name, one in sums.items()]
    found = select(cast(days.c.place, Integer).label("place"), daily.c.key, *columns)
    return found.join_from(days, daily, daily.c.dated <= days.c.until).group_by(days.c.place, daily.c.key)


def _daily(until: date, whose: Whose, by: By | None) -> Subquery:
    changes = receivables.changes(*whose.conditions).subquery("changes")
    keys: dict[By | None, Any] = {
        By.CHAPTER: changes.c.chapter_id,
        By.PLEDGE_CLASS: func.coalesce(Member.pledge_class_id, NO_CLASS),
        By.PERIOD: changes.c.period_id,
    }
    grouped = changes.c.dated, changes.c.due_on, changes.c.kind
    amount = func.sum(changes.c.amount).label("amount")
    found = select(keys.get(by, null()).label("key"), *grouped, amount).where(changes.c.dated <= until)
    if by is By.PLEDGE_CLASS:
        same = and_(Member.organization_id == tenancy.organization_id(), Member.id == changes.c.member_id)
        found = found.join(Member, same)
    return found.group_by("key", *grouped).subquery("daily")


def _figures(span: Span, row: Any) -> Figures:
    moved = {one.value: getattr(row, one.value) for one in Movement}
    return Figures(span, row.opening, **moved, ages=tuple(getattr(row, name) for name in NAMES))
