"""How healthy each chapter was on a day: measured in plain Python, and scored by a second hand."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any

from tests.properties import collected_slowly
from tests.properties.office import Office
from webapp.domain.reporting.collections.figures import Span
from webapp.domain.reporting.health import scores

_LINES = {
    "delinquency": (20, [(10, 100), (25, 75), (50, 30), (75, 0)]),
    "collection_effectiveness": (30, [(50, 0), (80, 50), (95, 100)]),
    "dso_trend": (15, [(-30, 100), (0, 75), (30, 35), (60, 0)]),
    "aging_mix": (15, [(1, 100), (4, 60), (10, 20), (20, 0)]),
    "plan_defaults": (10, [(0, 100), (10, 75), (25, 30), (50, 0)]),
    "reconciliation_age": (10, [(3, 100), (14, 60), (30, 20), (60, 0)]),
}
"""Copied by hand from the published method: whoever changes it changes it twice."""


def check(office: Office, day: date) -> None:
    told = scores.worked_out(office.organization(), day)
    for code, chapter_id in office.chapters.items():
        values = _measured(office, chapter_id, day)
        if values is None:
            assert chapter_id not in told, code
        else:
            found = {part.part.value: part.value for part in told[chapter_id].parts}
            assert found == values, (code, day)
            assert told[chapter_id].points == _score(values), (code, day, values)


def _measured(office: Office, chapter_id: Any, day: date) -> dict[str, int | None] | None:
    """Tenths of a per cent or a day; None for a chapter that nobody owed or paid anything."""
    bills = office.rows("SELECT id, chapter_id FROM invoices WHERE organization_id = :here")
    its = {bill.id for bill in bills if bill.chapter_id == chapter_id}
    year = Span.twelve_months(day)
    now = collected_slowly.within(office, year, its)
    before = collected_slowly.within(office, Span.twelve_months(year.since - timedelta(1)), its)
    ages, came = now["ages"], now.get("collected", 0) + now.get("credited", 0)
    if not (sum(ages) or came or now.get("collected") or now.get("credited") or _billed(now)):
        return None
    late, lost = sum(ages[1:]), now.get("written_off", 0)
    trend = None
    if _billed(now) > 0 and _billed(before) > 0:
        days = [Span.twelve_months(one).days for one in (day, year.since - timedelta(1))]
        trend = Fraction(sum(ages) * days[0], _billed(now)) - Fraction(
            sum(before["ages"]) * days[1], _billed(before)
        )
    aged = ages[1] + 2 * ages[2] + 3 * ages[3] + 4 * ages[4]
    return {
        "delinquency": _share(late, sum(ages)),
        "collection_effectiveness": _share(came, came + late + lost) if came + late + lost > 0 else None,
        "dso_trend": None if trend is None else _rounded(trend),
        "aging_mix": _share(aged, 4 * (now.get("opening", 0) + _billed(now))),
        "plan_defaults": _plans(office, chapter_id, year),
        "reconciliation_age": _waiting(office, chapter_id, day),
    }


def _billed(sums: dict[str, Any]) -> int:
    names = ("issued", "late_fees", "interest", "adjusted", "voided", "forgiven")
    return sum(sums.get(name, 0) for name in names)


def _plans(office: Office, chapter_id: Any, year: Span) -> int | None:
    ran = [
        plan
        for plan in office.rows("SELECT * FROM payment_plans WHERE organization_id = :here")
        if plan.chapter_id == chapter_id and plan.accepted_on and plan.accepted_on <= year.until
        if not (plan.ended_on and plan.ended_on < year.since)
    ]
    over = {plan.id: plan.state for plan in ran if plan.ended_on and plan.ended_on <= year.until}
    counted = [plan for plan in ran if over.get(plan.id) != "superseded"]
    return _share(list(over.values()).count("defaulted"), len(counted)) if counted else None


def _waiting(office: Office, chapter_id: Any, day: date) -> int | None:
    """Nothing in these histories waits on a day that is not today."""
    if day < office.books.today - timedelta(1):
        return None
    here = "WHERE organization_id = :here AND chapter_id = :chapter"
    payments = office.rows(f"SELECT * FROM payments {here}", chapter=chapter_id)
    if not any(one.received_on and one.received_on <= day for one in payments):
        return None
    zone = "SELECT timezone FROM organizations WHERE id = :here"
    waiting = office.rows(
        f"SELECT coalesce(received_on, (coalesce(settled_at, created_at) AT TIME ZONE ({zone}))::date)"
        f" AS since FROM payments {here} AND (unapplied > 0"
        " OR state = 'succeeded' AND fee_state IN ('awaited', 'failed'))"
        f" UNION ALL SELECT (created_at AT TIME ZONE ({zone}))::date FROM receipt_batches"
        f" {here} AND state <> 'posted'",
        chapter=chapter_id,
    )
    return max([(day - one.since).days * 10 for one in waiting if one.since <= day], default=0)


def _share(part: int, whole: int) -> int:
    if whole <= 0 or part <= 0:
        return 0
    return min(_rounded(Fraction(100 * part, whole)), 1000)


def _rounded(value: Fraction) -> int:
    """To tenths, halves away from zero."""
    return floor(abs(value) * 10 + Fraction(1, 2)) * (1 if value >= 0 else -1)


def _score(values: dict[str, int | None]) -> int:
    there = {name: value for name, value in values.items() if value is not None}
    whole = sum(_LINES[name][0] for name in there)
    exact = {name: Fraction(100 * _LINES[name][0], whole) for name in there}
    weights = {name: floor(weight) for name, weight in exact.items()}
    for name in sorted(there, key=lambda one: weights[one] - exact[one])[: 100 - sum(weights.values())]:
        weights[name] += 1
    return floor(sum(weights[name] * _brings(name, value) for name, value in there.items()) + Fraction(1, 2))


def _brings(name: str, value: int) -> Fraction:
    """Looked for from the right: the first point that is not beyond the measure, and the one after it."""
    points, at = _LINES[name][1], Fraction(value, 10)
    if at >= points[-1][0]:
        return Fraction(points[-1][1], 100)
    for (left, low), (right, high) in reversed(list(pairwise(points))):
        if at >= left:
            slope = Fraction(high - low, right - left)
            return (low + slope * (at - left)) / 100
    return Fraction(points[0][1], 100)
