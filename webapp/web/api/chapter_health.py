"""How healthy chapters are: for underwriters, and for systems that score risk."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import g

from webapp.domain.organizations import Chapter
from webapp.domain.reporting.health import method, notices, reading
from webapp.domain.reporting.health.method import RULES, Part, Rule, Unit
from webapp.domain.reporting.health.notices import NoticeKind
from webapp.domain.reporting.health.reading import Order, Ranked, Wanted
from webapp.domain.reporting.health.scoring import Scored
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import STAFF
from webapp.web.api.fields import Field, Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.chapter_health import HEADER, as_row
from webapp.web.lists import stream_csv

TOPIC = "Chapter health"


def _points(description: str, example: int, *, least: int = 0) -> Field:
    return f.whole(description, example, least=least, most=method.WHOLE)


_AS_OF = f.day("The end of which day; the day that was over last unless told, and today at the latest")
RANKING_QUERY = shape_in(
    "ChapterHealthQuery",
    as_of=_AS_OF,
    order=f.choice("Lowest score first unless told; a minus turns it round", Order),
    format=f.one_of("json unless told", "json", "csv"),
)
ONE_QUERY = shape_in("OneChapterHealthQuery", as_of=_AS_OF)
_MEASURE = f.text("What was measured, in its unit", "31.4", most=20, pattern=r"^-?[0-9]+(\.[0-9])?$")
PART = Shape(
    "ChapterHealthPart",
    {
        "part": f.choice("Which part of the method", Part),
        "name": f.text("Its name", "Delinquency"),
        "measure": _MEASURE.or_null(),
        "unit": f.choice("Of the measure", Unit),
        "in_words": f.text("The measure in words, or why the part is left out", "31.4 % of what is owed …"),
        "weight": _points("Its weight beside the parts that are not left out", 25),
        "points": _points("What it brings of its weight", 16),
    },
)
KEPT = Shape(
    "KeptChapterHealth",
    {
        "as_of": f.day("The end of this day"),
        "score": _points("The score that was written down in the night after it", 72),
        "method_version": f.whole("By which version of the method", 1, least=1),
    },
)
NOTICE = Shape(
    "ChapterHealthNotice",
    {
        "id": f.identifier("The notice"),
        "kind": f.choice("Below the limit, or fallen by more than the limit within 30 days", NoticeKind),
        "raised_on": f.day("The day whose score raised it"),
        "score": _points("That score", 48),
        "limit": _points("The organization's limit by then", 50, least=1),
        "highest": _points("The best score of the 30 days before, of one that has fallen", 70).or_null(),
        "ended_on": f.day("The day it was over; null while it stands").or_null(),
        "well_since": f.day("Since when the scores give no reason for it any more").or_null(),
    },
)
_RANKED = {
    "chapter_id": f.identifier("The chapter"),
    "code": f.text("Its code", "ALP"),
    "name": f.text("Its name", "Alpha Chapter"),
    "score": _points("From 0 to 100; null where there is nothing to measure", 72).or_null(),
    "change_30_days": f.whole(
        "Against the score of 30 days before; null where none compares", -4, least=-100, most=100
    ).or_null(),
    "method_version": f.whole("By which version of the method", 1, least=1).or_null(),
    "parts": f.list_of(PART, "What the score is made of; the points come to it"),
    "months": f.list_of(KEPT, "What was kept at the end of each of the last 12 months and on the day"),
}
RANKED = Shape("RankedChapterHealth", _RANKED)
RANKING = Shape(
    "ChapterHealthRanking",
    {"as_of": f.day("The day"), "chapters": f.list_of(RANKED, "In the order asked for")},
)
ONE = Shape(
    "ChapterHealth",
    {"as_of": f.day("The day")}
    | _RANKED
    | {
        "recent": f.list_of(KEPT, "What was kept of each of the last 90 days"),
        "notices": f.list_of(NOTICE, "The latest 20 first"),
    },
)
POINT = Shape(
    "HealthMethodPoint",
    {
        "measure": f.whole("In the part's unit", 25, least=-1000, most=1000),
        "percent_of_weight": _points("What it brings there", 75),
    },
)
METHOD_PART = Shape(
    "HealthMethodPart",
    {
        "part": f.choice("Which part", Part),
        "name": f.text("Its name", "Delinquency"),
        "weight": _points("Of 100", 25),
        "unit": f.choice("Of the measure", Unit),
        "formula": f.text("What is measured", "What is past its due date …", most=500),
        "source": f.text("Where it comes from", "The delinquency rate of the aging report.", most=500),
        "raises": f.text("What raises it", "Every amount past due that is paid …", most=500),
        "line": f.list_of(POINT, "Straight between two points; the same beyond the ends"),
    },
)
METHOD = Shape(
    "HealthMethod",
    {
        "version": f.whole("Raised with every change", 1, least=1),
        "explained": f.text("How parts become a score", "Six parts are measured …", most=4000),
        "notices": f.text("When a notice is raised, and when it is over", "A notice is …", most=4000),
        "parts": f.list_of(METHOD_PART, "In order"),
    },
)
_HEALTH = "/organizations/<uuid:organization_id>/reports/health/"


@operations.get(
    _HEALTH,
    summary="Rank chapters by health",
    topic=TOPIC,
    gives=RANKING,
    query=RANKING_QUERY,
    files=("text/csv",),
    allowed=STAFF,
)
def rank_chapter_health(query: Values) -> Answer:
    """A score from 0 to 100 for every active chapter, as it was written down in the night after that day,
    else worked out from the documents. A treasurer's token sees its own chapter."""
    day = _day(query)
    wanted = Wanted(chapter_id=bearer.own_chapter(), order=query.get("order", Order.SCORE))
    found = reading.ranking(g.organization, day, wanted)
    if query.get("format") == "csv":
        return stream_csv("chapter-health.csv", HEADER, map(as_row(day), found))
    return {"as_of": day.isoformat(), "chapters": [RANKED.tell(one, **_facts(one)) for one in found]}


@operations.get(
    _HEALTH + "method/",
    summary="Read how health is scored",
    topic=TOPIC,
    gives=METHOD,
    allowed=STAFF,
)
def read_health_method() -> Answer:
    """The published method: parts, weights, formulas, and what a measure brings."""
    parts = [METHOD_PART.tell(rule, line=_line(rule)) for rule in RULES]
    return {
        "version": method.VERSION,
        "explained": " ".join(method.EXPLAINED),
        "notices": " ".join(method.NOTICED),
        "parts": parts,
    }


@operations.get(
    _HEALTH + "<uuid:chapter_id>/",
    summary="Read a chapter's health",
    topic=TOPIC,
    gives=ONE,
    query=ONE_QUERY,
    allowed=STAFF,
)
def read_chapter_health(chapter_id: UUID, query: Values) -> Answer:
    """Its score with its parts, the scores of a year and of 90 days, and the notices about it."""
    chapter = Chapter.here().get(chapter_id)
    bearer.in_reach(chapter_id=chapter.id)
    day = _day(query)
    found = reading.of_chapter(g.organization, day, chapter.id)
    return ONE.tell(
        found.chapter,
        as_of=day,
        **_facts(found.chapter),
        recent=[_kept(one) for one in found.recent],
        notices=[NOTICE.tell(one, score=one.points) for one in notices.of_chapter(chapter.id)],
    )


def _day(query: Values) -> date:
    today: date = g.organization.today
    asked: date = query.get("as_of", today - timedelta(days=1))
    return min(asked, today)


def _facts(one: Ranked) -> dict[str, Any]:
    return {
        "chapter_id": one.id,
        "score": one.points,
        "change_30_days": one.change,
        "method_version": one.score.version if one.score else None,
        "parts": [_part(part) for part in one.score.parts] if one.score else [],
        "months": [_kept(kept) for kept in one.months],
    }


def _part(one: Scored) -> dict[str, Any]:
    words = one.reason if one.value is None else one.rule.in_words(one.value, g.organization.locale)
    return PART.tell(one, name=one.rule.name, unit=one.rule.unit, in_words=words)


def _kept(one: reading.Kept) -> dict[str, Any]:
    return KEPT.tell(one, score=one.points, method_version=one.version)


def _line(rule: Rule) -> list[dict[str, Any]]:
    return [{"measure": measure, "percent_of_weight": share} for measure, share in rule.line]
