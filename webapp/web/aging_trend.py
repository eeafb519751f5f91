"""What was owed by age at the last twelve ends of months, as it was written down and as documents tell it."""

from typing import Any
from uuid import UUID

from werkzeug.wrappers import Response

from webapp.core import money
from webapp.domain.reporting.aging import BUCKETS, NAMES
from webapp.domain.reporting.collections.trend import Point, trend
from webapp.domain.reporting.snapshots import Place
from webapp.web import report_filters
from webapp.web.collections import rounded
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import stream_csv, wants_csv

HEADER = (
    "day", "source", *NAMES, "total", "total_by_documents", "billed_in_month", "collected_in_month",
    "dso_days", "currency",
)  # fmt: skip


def aging_trend(persona: str, *, chapter_id: UUID | None = None) -> Response:
    """A page, the part that changed, or a file."""
    narrowed, until = report_filters.narrowed(chapter_id, report_filters.PLACES), report_filters.last_day()
    points = trend(until, Place(narrowed.whose.chapter_id, narrowed.whose.pledge_class_id))
    if wants_csv():
        return stream_csv(f"aging-trend-{until}.csv", HEADER, map(as_row, points))
    return respond(
        "shared/aging_trend/index.html",
        "shared/aging_trend/_report.html",
        persona=persona,
        narrowed=narrowed,
        buckets=BUCKETS,
        points=points,
    )


def as_row(point: Point) -> tuple[Any, ...]:
    currency, month = current_organization.currency, point.month
    amounts = (*point.ages, point.total, month.closing, month.billed, month.collected)
    exact = [money.to_decimal(amount, currency) for amount in amounts]
    source = "stored" if point.stored else "documents"
    return point.day.isoformat(), source, *exact, rounded(point.year.dso, 1), currency
