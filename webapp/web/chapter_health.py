"""How healthy chapters are: ranked, one in its parts and over time, and how that is scored."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from flask import render_template, request
from werkzeug.wrappers import Response

from webapp.domain.organizations import Chapter
from webapp.domain.reporting.collections.figures import Span
from webapp.domain.reporting.health import method, notices, reading
from webapp.domain.reporting.health.method import RULES
from webapp.domain.reporting.health.reading import Order, Ranked, Wanted
from webapp.web import books
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, stream_csv, wants_csv

HEADER = (
    "as_of", "code", "name", "score", "change_30_days", "method_version",
    *(f"{rule.part.value}_{fact}" for rule in RULES for fact in (rule.unit.value, "points", "weight")),
)  # fmt: skip


def ranking() -> Response:
    """A page, the part that changed, or a file with every part of every score."""
    day = asked_day()
    wanted = Wanted(
        q=request.args.get("q", "").strip(), order=request.args.get("sort", Order.SCORE, type=Order)
    )
    found = reading.ranking(current_organization, day, wanted)
    if wants_csv():
        return stream_csv(f"chapter-health-{day}.csv", HEADER, map(as_row(day), found))
    start = _place_after(found)
    shown = found[start : start + PAGE]
    return respond(
        "national/chapter_health/index.html",
        "national/chapter_health/_list.html",
        day=day,
        rows=shown,
        count=len(found),
        after=shown[-1].id if start + PAGE < len(found) else None,
    )


def show(chapter: Chapter) -> Response:
    """One chapter: each part, what it brings and what would raise it; the scores of a year; the notices."""
    day = asked_day()
    found = reading.of_chapter(current_organization, day, chapter.id)
    return respond(
        "treasurers/chapter_health/index.html",
        "treasurers/chapter_health/_report.html",
        day=day,
        year=Span.twelve_months(day),
        found=found.chapter,
        recent=found.recent,
        notices=notices.of_chapter(chapter.id),
        locale=current_organization.locale,
    )


def published_method(persona: str) -> str:
    return render_template("shared/chapter_health/method.html", persona=persona, method=method)


def asked_day() -> date:
    """The day that was over last, unless another one is asked for; a day to come is today."""
    today = current_organization.today
    return min(books.day("as_of") or today - timedelta(days=1), today)


def as_row(day: date) -> Callable[[Ranked], tuple[Any, ...]]:
    def row(one: Ranked) -> tuple[Any, ...]:
        parts = one.score.parts if one.score else []
        facts = [fact for part in parts for fact in (part.measure, part.points, part.weight)]
        version = one.score.version if one.score else None
        return day.isoformat(), one.code, one.name, one.points, one.change, version, *facts

    return row


def _place_after(found: list[Ranked]) -> int:
    """Where the page goes on: behind the chapter that the one before ended with."""
    after = request.args.get("after")
    return next((place for place, one in enumerate(found, 1) if str(one.id) == after), 0)
