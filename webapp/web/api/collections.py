"""How much of what was owed came in, over any days, and what was owed by age at the ends of months."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import g

from webapp.core.errors import Invalid
from webapp.domain.reporting.collections import report
from webapp.domain.reporting.collections.figures import Figures
from webapp.domain.reporting.collections.movements import Movement
from webapp.domain.reporting.collections.report import Group
from webapp.domain.reporting.collections.trend import Point, trend
from webapp.domain.reporting.receivables import Whose
from webapp.domain.reporting.snapshots import Place
from webapp.web import collections as page
from webapp.web.aging_trend import HEADER as TREND_HEADER
from webapp.web.aging_trend import as_row as trend_row
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import STAFF
from webapp.web.api.books import AGES
from webapp.web.api.fields import Field, Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.lists import stream_csv
from webapp.web.report_filters import YEARS, chosen

TOPIC = "Reports"


def _percent(description: str) -> Field:
    said = f"{description}, in percent; null where there is nothing to measure it by"
    return f.text(said, "81.2", pattern=r"^-?[0-9]+\.[0-9]$", most=20).or_null()


_PLACE = {
    "as_of": f.day("The last day; today unless told"),
    "chapter": f.identifier("Only what is owed to this chapter").without_example(),
    "pledge_class": f.identifier("Only what members of this pledge class owe").without_example(),
    "format": f.one_of("json unless told", "json", "csv"),
}
QUERY = shape_in(
    "CollectionsQuery",
    **_PLACE,
    since=f.day("The first day; that of the fiscal year unless told").without_example(),
    year=f.whole(
        "The calendar year that a fiscal year begins in, instead of a first day", 2026,
        least=YEARS.start, most=YEARS.stop - 1,
    ).without_example(),
    period=f.identifier(
        "Only invoices of this billing period; since they were billed, unless a first day or year is told"
    ).without_example(),
    by=f.one_of("What the groups are; chapters unless told", *page.BIES),
)  # fmt: skip
TREND_QUERY = shape_in("AgingTrendQuery", **_PLACE)
_DSO = f.text(
    "Days sales outstanding: closing ÷ billed × days; null where nothing was billed",
    "68.4", pattern=r"^-?[0-9]+\.[0-9]$", most=20,
).or_null()  # fmt: skip
_FIGURES = {
    "since": f.day("The first day"),
    "until": f.day("The last day"),
    "opening": f.balance("Owed before the first day"),
    "billed": f.balance("What was billed, net of adjustments and of what is void"),
    **{
        one.value: f.balance(one.label + ("" if one.settles else ", a part of what was billed"))
        for one in Movement
    },
    "closing": f.balance("Owed at the end of the last day, which account 1200 held"),
    "net_change": f.balance("Closing less opening"),
    **AGES,
    "collection_percent": _percent("Collected and credit used, of what was billed"),
    "effectiveness_percent": _percent("Collection effectiveness index: what came in of what could have"),
    "dso_days": _DSO,
}
GROUP = Shape(
    "CollectionsGroup",
    {
        "id": f.identifier("The chapter, pledge class or period; null for a fiscal year").or_null(),
        "name": f.text("Its name; null for members in no pledge class", "Alpha Chapter").or_null(),
    }
    | _FIGURES,
)
COLLECTIONS = Shape(
    "Collections",
    {"currency": f.currency()}
    | _FIGURES
    | {"groups": f.list_of(GROUP, "As asked for; but for fiscal years they add up to the whole")},
)
POINT = Shape(
    "AgingTrendPoint",
    {
        "day": f.day("The end of a month, or the last day"),
        "snapshot_id": f.identifier("The nightly snapshot it was read from; null without one").or_null(),
        **AGES,
        "total": f.balance("All of it"),
        "total_by_documents": f.balance("The same as the documents tell it now"),
        "differs": f.flag("Whether a document was dated back since the snapshot", example=False),
        "billed": f.balance("Billed since the first of the month"),
        "collected": f.balance("Collected since the first of the month"),
        "dso_days": _DSO,
    },
)
TREND = Shape(
    "AgingTrend", {"currency": f.currency(), "points": f.list_of(POINT, "Twelve, the oldest first")}
)
_REPORTS = "/organizations/<uuid:organization_id>/reports/"


@operations.get(
    _REPORTS + "collections/",
    summary="Read what was collected",
    topic=TOPIC,
    gives=COLLECTIONS,
    query=QUERY,
    files=("text/csv",),
    allowed=STAFF,
)
def read_collections(query: Values) -> Answer:
    """What was owed before some days, what changed it during them, and what was owed after: the opening and
    what was billed, less what was collected, credited and written off, is the closing. A treasurer's token
    sees its own chapter."""
    whose = Whose(**_place(query), period_id=query.get("period"))
    asked = {name: query.get(name) for name in ("since", "year")}
    span = chosen(_last_day(query), **asked, period_id=whose.period_id)
    if span.days <= 0:
        raise Invalid(fields={"as_of": "The first day is after the last."})
    by = query.get("by", report.By.CHAPTER.value)
    groups = page.groups_of(span, by, whose)
    if query.get("format") == "csv":
        return stream_csv("collections.csv", page.HEADER, [page.as_row(by, one) for one in groups])
    whole = report.of(span, whose)
    told = [_group(group) for group in groups]
    return COLLECTIONS.tell(whole, currency=g.organization.currency, groups=told, **_facts(whole))


@operations.get(
    _REPORTS + "aging-trend/",
    summary="Read the aging month by month",
    topic=TOPIC,
    gives=TREND,
    query=TREND_QUERY,
    files=("text/csv",),
    allowed=STAFF,
)
def read_aging_trend(query: Values) -> Answer:
    """What was owed by age at the last twelve ends of months, the last day as the last of them. A treasurer's
    token sees its own chapter."""
    points = trend(_last_day(query), Place(**_place(query)))
    if query.get("format") == "csv":
        return stream_csv("aging-trend.csv", TREND_HEADER, map(trend_row, points))
    return TREND.tell(None, currency=g.organization.currency, points=[_point(point) for point in points])


def _last_day(query: Values) -> date:
    until: date = min(query.get("as_of", g.organization.today), g.organization.today)
    return until


def _place(query: Values) -> dict[str, UUID | None]:
    own = bearer.own_chapter()
    return {"chapter_id": own or query.get("chapter"), "pledge_class_id": query.get("pledge_class")}


def _group(group: Group) -> dict[str, Any]:
    return GROUP.tell(group.figures, id=group.id, name=group.name, **_facts(group.figures))


def _point(point: Point) -> dict[str, Any]:
    return POINT.tell(
        point,
        snapshot_id=point.stored.snapshot_id if point.stored else None,
        total_by_documents=point.month.closing,
        billed=point.month.billed,
        collected=point.month.collected,
        dso_days=_one_digit(point.year.dso),
        **dict(zip(AGES, point.ages, strict=True)),
    )


def _facts(its: Figures) -> dict[str, Any]:
    """What is no field of it."""
    return {
        "since": its.span.since,
        "until": its.span.until,
        "collection_percent": _in_percent(its.rate),
        "effectiveness_percent": _in_percent(its.effectiveness),
        "dso_days": _one_digit(its.dso),
        **dict(zip(AGES, its.ages, strict=True)),
    }


def _in_percent(measure: float | None) -> str | None:
    return None if measure is None else _one_digit(measure * 100)


def _one_digit(measure: float | None) -> str | None:
    return None if measure is None else f"{measure:.1f}"
