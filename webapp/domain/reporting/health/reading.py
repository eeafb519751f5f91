"""Scores as pages and programs read them: every chapter's beside each other, and one chapter's over time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from webapp.core import clock, tenancy
from webapp.core.db import db
from webapp.domain.organizations import Chapter, Organization
from webapp.domain.reporting.health import scores
from webapp.domain.reporting.health.notices import HealthNotice, NoticeKind, stood_on
from webapp.domain.reporting.health.scores import ChapterHealthScore
from webapp.domain.reporting.health.scoring import Score

MONTHS = 12
RECENT_DAYS = 90
CHANGE_DAYS = 30


@dataclass(frozen=True, order=True)
class Kept:
    """One day's score as it was kept."""

    as_of: date
    points: int
    version: int


@dataclass(frozen=True)
class History:
    """The kept scores of one chapter, oldest first."""

    kept: Sequence[Kept] = ()

    def change(self, day: date, score: Score) -> int | None:
        """Against 30 days before; None where nothing was kept then, or an earlier method made it."""
        then = [one for one in self.kept if one.as_of == _before(day) and one.version == score.version]
        return score.points - then[0].points if then else None

    def months(self, day: date) -> list[Kept]:
        """At the end of each of the last 12 months, and on the day itself."""
        wanted = {*month_ends(day), day}
        return [one for one in self.kept if one.as_of in wanted]

    def recent(self, day: date) -> list[Kept]:
        return [one for one in self.kept if day - timedelta(days=RECENT_DAYS) < one.as_of <= day]


@dataclass(frozen=True)
class Ranked:
    """A chapter on one day. `score` is None where there is nothing to measure, `change` where no score of 30
    days before compares; `months` are the kept scores of a year."""

    id: UUID
    code: str
    name: str
    score: Score | None
    change: int | None
    months: Sequence[Kept]
    notices: Sequence[NoticeKind]

    @property
    def points(self) -> int | None:
        return self.score.points if self.score else None


@dataclass(frozen=True)
class Detailed:
    """`recent` are the kept scores of the last 90 days, oldest first."""

    chapter: Ranked
    recent: Sequence[Kept]


class Order(StrEnum):
    """By what chapters are ranked, the first one lowest; backwards with a minus."""

    SCORE = "score"
    BEST = "-score"
    CHANGE = "change"
    RISEN = "-change"
    NAME = "name"
    NAME_BACK = "-name"

    def sorted(self, found: Iterable[Ranked]) -> list[Ranked]:
        """By name among equals; what has no score or change comes last either way."""
        by_name = sorted(found, key=lambda one: (one.name.casefold(), one.code))
        known = [one for one in by_name if self._of(one) is not None]
        unknown = [one for one in by_name if self._of(one) is None]
        return sorted(known, key=self._of, reverse=self.startswith("-")) + unknown

    def _of(self, one: Ranked) -> Any:
        return {"score": one.points, "change": one.change, "name": one.name.casefold()}[self.lstrip("-")]


@dataclass(frozen=True)
class Wanted:
    """Active chapters that have `q` in their name or code; or the one chapter, active or not."""

    chapter_id: UUID | None = None
    q: str = ""
    order: Order = Order.SCORE

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        if self.chapter_id is not None:
            return [Chapter.id == self.chapter_id]
        named = or_(*(one.icontains(self.q, autoescape=True) for one in (Chapter.name, Chapter.code)))
        return [Chapter.active.is_(True), named]


def month_ends(day: date) -> list[date]:
    """The last twelve, oldest first; this month's only where it is the day itself."""
    own = [day] if day == clock.month_end(day) else []
    return [*clock.month_ends_before(day, MONTHS - len(own)), *own]


def ranking(organization: Organization, day: date, wanted: Wanted) -> list[Ranked]:
    """The chapters that are wanted, as they were kept on that day, else worked out."""
    kept = _kept_on(day) or scores.worked_out(organization, day, chapter_id=wanted.chapter_id)
    histories = _histories(ChapterHealthScore.as_of.in_(_days(day)))
    rows = db.session.execute(_chapters(day, wanted))
    return wanted.order.sorted(_ranked(row, day, kept, histories.get(row.id, History())) for row in rows)


def of_chapter(organization: Organization, day: date, chapter_id: UUID) -> Detailed:
    """One chapter, active or not."""
    as_of, its = ChapterHealthScore.as_of, ChapterHealthScore.chapter_id == chapter_id
    in_time = and_(as_of > day - timedelta(days=RECENT_DAYS), as_of <= day)
    kept = _kept_on(day) or scores.worked_out(organization, day, chapter_id=chapter_id)
    history = _histories(its, or_(in_time, as_of.in_(_days(day)))).get(chapter_id, History())
    row = db.session.execute(_chapters(day, Wanted(chapter_id=chapter_id))).one()
    return Detailed(_ranked(row, day, kept, history), history.recent(day))


def _days(day: date) -> list[date]:
    """Those whose scores stand beside the day's own."""
    return [*month_ends(day), day, _before(day)]


def _ranked(row: Any, day: date, kept: Mapping[UUID, Score], history: History) -> Ranked:
    score = kept.get(row.id)
    change = history.change(day, score) if score else None
    notices = [NoticeKind(kind) for kind in row.notices]
    return Ranked(row.id, row.code, row.name, score, change, history.months(day), notices)


def _kept_on(day: date) -> dict[UUID, Score]:
    return {
        one.chapter_id: one.score for one in ChapterHealthScore.here().all(ChapterHealthScore.as_of == day)
    }


def _histories(*conditions: ColumnElement[bool]) -> dict[UUID, History]:
    kept: dict[UUID, list[Kept]] = defaultdict(list)
    columns = ChapterHealthScore.as_of, ChapterHealthScore.points, ChapterHealthScore.version
    here = ChapterHealthScore.organization_id == tenancy.organization_id()
    found = select(ChapterHealthScore.chapter_id, *columns).where(here, *conditions)
    for row in db.session.execute(found.order_by(ChapterHealthScore.as_of)):
        kept[row.chapter_id].append(Kept(row.as_of, row.points, row.version))
    return {chapter_id: History(its) for chapter_id, its in kept.items()}


def _chapters(day: date, wanted: Wanted) -> Select[Any]:
    """id, code, name, and the kinds of notices that stood on that day."""
    its = and_(HealthNotice.organization_id == Chapter.organization_id, HealthNotice.chapter_id == Chapter.id)
    stands = and_(its, *stood_on(day))
    kinds = func.array_remove(func.array_agg(HealthNotice.kind), None).label("notices")
    found = select(Chapter.id, Chapter.code, Chapter.name, kinds).outerjoin(HealthNotice, stands)
    here = Chapter.organization_id == tenancy.organization_id()
    return found.where(here, *wanted.conditions).group_by(Chapter.organization_id, Chapter.id)


def _before(day: date) -> date:
    return day - timedelta(days=CHANGE_DAYS)
