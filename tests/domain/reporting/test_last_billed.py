from typing import Any

from tests import factories
from webapp.domain.organizations import Chapter
from webapp.domain.reporting import last_billed


def test_of_two_periods_that_begin_together_every_home_speaks_of_the_one_made_later(
    organization: Any,
) -> None:
    chapter: Chapter = factories.make_chapter()
    factories.make_rate(status := factories.make_status(), 9_000)
    factories.make_member(chapter, status)
    made = [factories.make_period(f"2026-{place}") for place in range(6)]
    for period in reversed(made):
        factories.bill(period)

    told = [
        last_billed.of_organization(made[0].ends_on),
        last_billed.of_chapter(made[0].ends_on, chapter.id),
    ]

    assert [home.period.id for home in told if home] == [made[-1].id] * 2
