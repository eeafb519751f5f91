"""Scores as they are kept: one of each chapter for every day that is over, never changed afterwards.

A day whose scores were not kept is worked out from the documents, as far as they tell it.
"""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.bulk import insert_rows
from webapp.core.db import Base, OrganizationRow, new_id, references
from webapp.domain.organizations import Organization
from webapp.domain.reporting.health import measuring, scoring
from webapp.domain.reporting.health.method import Part
from webapp.domain.reporting.health.scoring import Score, Scored


class ChapterHealthScore(OrganizationRow, Base):
    """At the end of `as_of`, by that version of the method. `parts` are its Scored as plain data."""

    __tablename__ = "chapter_health_scores"

    chapter_id: Mapped[UUID]
    as_of: Mapped[date]
    points: Mapped[int]
    version: Mapped[int]
    parts: Mapped[list[Any]]
    measured_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references("chapters", "chapter_id"),
        UniqueConstraint("organization_id", "as_of", "chapter_id"),
        CheckConstraint("points BETWEEN 0 AND 100", "points_of_a_hundred"),
    )

    @property
    def score(self) -> Score:
        return Score(self.points, [_read(part) for part in self.parts], self.version)


def keep(organization: Organization, day: date) -> bool:
    """Write that day's scores down, once; whether it was done just now."""
    kept = ChapterHealthScore.here().first(ChapterHealthScore.as_of == day)
    if kept is not None:
        return False
    found = worked_out(organization, day)
    insert_rows(
        ChapterHealthScore,
        [
            {
                "id": new_id(),
                "chapter_id": chapter_id,
                "as_of": day,
                "points": score.points,
                "version": score.version,
                "parts": [_plain(part) for part in score.parts],
            }
            for chapter_id, score in found.items()
        ],
    )
    return bool(found)


def worked_out(organization: Organization, day: date, *, chapter_id: UUID | None = None) -> dict[UUID, Score]:
    """From the documents, as they tell that day now; chapters that have nothing to measure are left out."""
    figures = measuring.figures(organization, day, chapter_id=chapter_id)
    scores = {one: scoring.score(its) for one, its in figures.items()}
    return {one: score for one, score in scores.items() if score is not None}


def of_chapter(organization: Organization, chapter_id: UUID, day: date) -> Score | None:
    """As it was kept, else worked out."""
    kept = ChapterHealthScore.here().first(
        ChapterHealthScore.as_of == day, ChapterHealthScore.chapter_id == chapter_id
    )
    if kept is not None:
        return kept.score
    return worked_out(organization, day, chapter_id=chapter_id).get(chapter_id)


def _plain(scored: Scored) -> dict[str, Any]:
    return {**asdict(scored), "part": scored.part.value}


def _read(part: dict[str, Any]) -> Scored:
    return Scored(**{**part, "part": Part(part["part"])})
