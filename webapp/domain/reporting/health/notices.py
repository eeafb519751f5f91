"""What the organization wants to be told of a chapter's health: raised once, over when it has recovered for
good. The published method says when that is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, func, or_, select
from sqlalchemy.orm import Mapped

from webapp.core import tenancy
from webapp.core.db import Base, OrganizationRow, db, references
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Organization
from webapp.domain.reporting.health import scores
from webapp.domain.reporting.health.method import CALM_DAYS, FALL_DAYS, MARGIN, VERSION
from webapp.domain.reporting.health.scores import ChapterHealthScore

_SHOWN = 20


class NoticeKind(StrEnum):
    """`below` so many points; `fallen` by more than so many points within 30 days."""

    BELOW = "below"
    FALLEN = "fallen"


class HealthNotice(OrganizationRow, Base):
    """Raised by the score of `raised_on`, its `points`; `limit` is what the organization had set by then.

    `highest` is the best score of the 30 days before, of one that has fallen. It stands until `ended_on`.
    `well_since` is the first of the days on end whose scores give no reason for it any more.
    """

    __tablename__ = "chapter_health_notices"

    chapter_id: Mapped[UUID]
    kind: Mapped[NoticeKind]
    raised_on: Mapped[date]
    points: Mapped[int]
    limit: Mapped[int]
    highest: Mapped[int | None]
    well_since: Mapped[date | None]
    ended_on: Mapped[date | None]

    __table_args__ = (
        references("chapters", "chapter_id"),
        CheckConstraint("ended_on > raised_on", "ends_on_a_later_day"),
        CheckConstraint("(kind = 'fallen') = (highest IS NOT NULL)", "fallen_from_a_height"),
        Index(
            "uq_chapter_health_notices_standing",
            "organization_id",
            "chapter_id",
            "kind",
            unique=True,
            postgresql_where="ended_on IS NULL",
        ),
    )

    def look_again(self, spare: int | None, day: date) -> None:
        """`spare`: by how many points this day's score is on the good side of the limit; None when there is
        no score, or no limit, that could be a reason for it any more."""
        if spare is not None and spare < 0:
            self.well_since = None
            return
        self.well_since = self.well_since or day
        is_calm = (day - self.well_since).days + 1 >= CALM_DAYS
        if spare is None or spare >= MARGIN or is_calm:
            self.ended_on = day


@dataclass(frozen=True)
class _Measured:
    """A day's score against one limit. `spare` is below zero where it is a reason for a notice."""

    score: ChapterHealthScore
    kind: NoticeKind
    limit: int
    spare: int
    highest: int | None = None

    def raised(self) -> HealthNotice:
        return HealthNotice(
            chapter_id=self.score.chapter_id,
            kind=self.kind,
            raised_on=self.score.as_of,
            points=self.score.points,
            limit=self.limit,
            highest=self.highest,
        )


def pass_night(organization: Organization, day: date) -> list[HealthNotice]:
    """Keep the scores of the day that is over. The notices that they raise."""
    yesterday = day - timedelta(days=1)
    return look_after(organization, yesterday) if scores.keep(organization, yesterday) else []


def look_after(organization: Organization, day: date) -> list[HealthNotice]:
    """End the notices whose reason is gone, and raise those that have one now. A day before one that was
    looked at raises none."""
    if ChapterHealthScore.here().first(ChapterHealthScore.as_of > day) is not None:
        return []
    measured = {(one.score.chapter_id, one.kind): one for one in _measured(organization, day)}
    standing = {
        (one.chapter_id, one.kind): one for one in HealthNotice.here().all(HealthNotice.ended_on.is_(None))
    }
    for key, notice in standing.items():
        notice.look_again(measured[key].spare if key in measured else None, day)
    raised = [one.raised() for key, one in measured.items() if one.spare < 0 and key not in standing]
    db.session.add_all(raised)
    db.session.flush()
    return raised


def of_chapter(chapter_id: UUID) -> Sequence[HealthNotice]:
    """The latest first."""
    its = HealthNotice.here().select(HealthNotice.chapter_id == chapter_id)
    return db.session.scalars(
        its.order_by(HealthNotice.raised_on.desc(), HealthNotice.kind).limit(_SHOWN)
    ).all()


def stood_on(day: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return HealthNotice.raised_on <= day, or_(HealthNotice.ended_on.is_(None), HealthNotice.ended_on > day)


def _measured(organization: Organization, day: date) -> Iterator[_Measured]:
    """This day's scores against the limits that are set."""
    settings, highest = DuesSettings.of(organization), _highest_before(day)
    for one in ChapterHealthScore.here().all(ChapterHealthScore.as_of == day):
        below, fall, best = settings.health_below, settings.health_fall, highest.get(one.chapter_id)
        if below is not None:
            yield _Measured(one, NoticeKind.BELOW, below, one.points - below)
        if fall is not None and best is not None:
            yield _Measured(one, NoticeKind.FALLEN, fall, fall - (best - one.points), highest=best)


def _highest_before(day: date) -> dict[UUID, int]:
    """Each chapter's best score of the 30 days before, by today's method."""
    kept = ChapterHealthScore
    found = select(kept.chapter_id, func.max(kept.points)).where(
        kept.organization_id == tenancy.organization_id(),
        kept.version == VERSION,
        kept.as_of >= day - timedelta(days=FALL_DAYS),
        kept.as_of < day,
    )
    return {row[0]: row[1] for row in db.session.execute(found.group_by(kept.chapter_id))}
