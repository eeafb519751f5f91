"""Notices about a score that swings around its limit: one is raised, until the score is clear of it."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from tests import factories
from webapp.core.db import transaction
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Organization
from webapp.domain.reporting.health import notices
from webapp.domain.reporting.health.method import CALM_DAYS, MARGIN, VERSION
from webapp.domain.reporting.health.scores import ChapterHealthScore

BEGAN = date(2026, 9, 1)


def raised(organization: Organization, points: Sequence[int], **limits: int | None) -> list[int]:
    """On which of these days, each with this score of one chapter, a notice was raised."""
    chapter, found = factories.make_chapter(), []
    with transaction():
        DuesSettings.of(organization).change(by=None, **limits)
    for number, each in enumerate(points):
        day = BEGAN + timedelta(days=number)
        with transaction() as session:
            score = ChapterHealthScore(
                chapter_id=chapter.id, as_of=day, version=VERSION, points=each, parts=[]
            )
            session.add(score)
            session.flush()
            found += [number] * len(notices.look_after(organization, day))
    return found


@pytest.mark.parametrize(
    ("points", "days"),
    [
        ([49, 50, 49, 52, 48, 51, 49], [0]),
        ([49, 50, 50 + MARGIN, 50, 49], [0, 4]),
        ([49, *[50] * (CALM_DAYS - 1), 49, *[51] * (CALM_DAYS - 1), 49], [0]),
        ([49, *[50] * CALM_DAYS, 49], [0, CALM_DAYS + 1]),
        ([60, 50, 53, 50], []),
    ],
)
def test_a_low_score_is_told_again_only_after_it_was_clear_of_the_limit_or_calm_for_long(
    organization: Organization, points: Sequence[int], days: list[int]
) -> None:
    assert raised(organization, points, health_below=50, health_fall=None) == days


def test_a_fall_is_told_again_only_after_enough_of_it_was_made_up_for(organization: Organization) -> None:
    points = [80, 64, 66, 64, 65 + MARGIN, 64]

    assert raised(organization, points, health_below=None, health_fall=15) == [1, 5]


def test_a_limit_that_is_taken_away_ends_what_it_had_raised(organization: Organization) -> None:
    raised(organization, [40], health_below=50, health_fall=None)
    with transaction():
        DuesSettings.of(organization).change(by=None, health_below=None)

    with transaction():
        notices.look_after(organization, BEGAN + timedelta(days=1))

    [notice] = notices.HealthNotice.here().all()
    assert notice.ended_on == BEGAN + timedelta(days=1)
