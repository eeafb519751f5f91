"""The last twelve ends of months, a day itself as the last: what was owed by age, what came in, how it went.

Each is told as it was written down that night, where it was, and as the documents tell it now. The two differ
where a document was dated back since then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from webapp.core import clock
from webapp.core.db import db
from webapp.domain.reporting import snapshot_reading
from webapp.domain.reporting.aging import NAMES
from webapp.domain.reporting.collections import report
from webapp.domain.reporting.collections.figures import Figures, Span
from webapp.domain.reporting.receivables import Whose
from webapp.domain.reporting.snapshots import Place, Snapshot

MONTHS = 12


@dataclass(frozen=True)
class Stored:
    """What the nightly snapshot of the day says."""

    snapshot_id: UUID
    ages: Sequence[int]


@dataclass(frozen=True)
class Point:
    """`month` is from the first of the month through the day, `year` the twelve months that end with it."""

    month: Figures
    year: Figures
    stored: Stored | None

    @property
    def day(self) -> date:
        return self.month.span.until

    @property
    def ages(self) -> Sequence[int]:
        return self.stored.ages if self.stored else self.month.ages

    @property
    def total(self) -> int:
        return sum(self.ages)

    @property
    def differs(self) -> bool:
        """Whether the documents say something else now than what was written down."""
        return self.stored is not None and tuple(self.stored.ages) != tuple(self.month.ages)


def trend(until: date, place: Place) -> list[Point]:
    """The oldest first."""
    days = ends_of_months(until)
    spans = [Span(day.replace(day=1), day) for day in days] + [Span.twelve_months(day) for day in days]
    whose = Whose(chapter_id=place.chapter_id, pledge_class_id=place.pledge_class_id)
    figures, stored = report.of_each(spans, whose), _stored(days, place)
    months = zip(days, figures[:MONTHS], figures[MONTHS:], strict=True)
    return [Point(month, year, stored.get(day)) for day, month, year in months]


def ends_of_months(until: date) -> list[date]:
    return [*clock.month_ends_before(until, MONTHS - 1), until]


def _stored(days: Sequence[date], place: Place) -> dict[date, Stored]:
    nightly = Snapshot.as_of.in_(days), Snapshot.taken_by_id.is_(None)
    rows = db.session.execute(snapshot_reading.listed(place).where(*nightly))
    return {row.as_of: Stored(row.id, _ages(row)) for row in rows}


def _ages(row: Any) -> tuple[int, ...]:
    return tuple(int(getattr(row, name)) for name in NAMES)
