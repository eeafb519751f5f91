"""What is owed, by how long it has been due. Amounts in minor units; days after the due date."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice

BUCKETS = ("Current", "1–30 days", "31–60 days", "61–90 days", "Over 90 days")
_UPPER = (0, 30, 60, 90)


@dataclass(frozen=True)
class Aging:
    """Five sums: not yet due, 1 to 30, 31 to 60, 61 to 90 days, and longer. Their total is account 1200."""

    amounts: tuple[int, int, int, int, int]
    invoices: int

    @property
    def total(self) -> int:
        return sum(self.amounts)

    @property
    def labelled(self) -> list[tuple[str, int]]:
        return list(zip(BUCKETS, self.amounts, strict=True))


def aging(on: date, *, chapter_id: UUID | None = None) -> Aging:
    """Of this organization, or one chapter of it, as the invoices stand now, aged to the given day."""
    by_due_date = _owed_by(Invoice.due_on, chapter_id=chapter_id)
    return _sorted_into_buckets(on, [(row[0], row[1], row[2]) for row in db.session.execute(by_due_date)])


def aging_by_chapter(on: date) -> dict[UUID, Aging]:
    """Chapter id to its aging; chapters that are owed nothing are left out."""
    statement = _owed_by(Invoice.due_on, chapter_id=None).add_columns(Invoice.chapter_id)
    grouped: dict[UUID, list[tuple[date, int, int]]] = {}
    for row in db.session.execute(statement.group_by(Invoice.chapter_id)):
        grouped.setdefault(row[3], []).append((row[0], row[1], row[2]))
    return {chapter: _sorted_into_buckets(on, rows) for chapter, rows in grouped.items()}


def _owed_by(column: InstrumentedAttribute[date], *, chapter_id: UUID | None) -> Select[date, int, int]:
    """Grouped by due date first: few groups to sort into buckets afterwards, read from the index alone."""
    statement = (
        select(column, func.sum(Invoice.owed), func.count())
        .where(Invoice.organization_id == tenancy.organization_id(), Invoice.owed > 0)
        .group_by(column)
    )
    return statement.where(Invoice.chapter_id == chapter_id) if chapter_id else statement


def _sorted_into_buckets(on: date, rows: list[tuple[date, int, int]]) -> Aging:
    amounts = [0, 0, 0, 0, 0]
    for due_on, owed, _ in rows:
        days = (on - due_on).days
        amounts[sum(days > limit for limit in _UPPER)] += int(owed)
    first, second, third, fourth, last = amounts
    return Aging((first, second, third, fourth, last), sum(row[2] for row in rows))
