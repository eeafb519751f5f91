"""Twelve ends of months, whatever the calendar and the organization's place on earth."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine

from tests import factories
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.domain.organizations import Member
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.reporting import aging, snapshots
from webapp.domain.reporting.collections.trend import ends_of_months, trend
from webapp.domain.reporting.snapshots import Place


@pytest.mark.parametrize(
    ("until", "first", "before"),
    [
        (date(2028, 2, 29), date(2027, 3, 31), date(2028, 1, 31)),
        (date(2028, 3, 15), date(2027, 4, 30), date(2028, 2, 29)),
        (date(2027, 3, 31), date(2026, 4, 30), date(2027, 2, 28)),
        (date(2026, 1, 1), date(2025, 2, 28), date(2025, 12, 31)),
    ],
)
def test_the_day_itself_is_the_last_of_twelve(until: date, first: date, before: date) -> None:
    days = ends_of_months(until)
    assert (len(days), days[0], days[-2], days[-1]) == (12, first, before, until)


@pytest.mark.parametrize(
    ("zone", "today"), [("Pacific/Kiritimati", date(2028, 3, 1)), ("America/Adak", date(2028, 2, 29))]
)
def test_the_same_moment_is_another_month_on_the_other_side_of_the_date_line(
    app: Any, zone: str, today: date
) -> None:
    """Each is paid on the organization's day: in Adak still on leap day, in Kiritimati in March."""
    with time_machine.travel(datetime(2028, 2, 29, 11, 0, tzinfo=UTC)):
        made = factories.make_organization(timezone=zone)
        assert made.today == today
        with tenancy.acting_for(made.id):
            factories.found(made)
            member = factories.make_member(factories.make_chapter(), factories.make_status())
            due = {"due_on": date(2028, 1, 31), "grace_ends_on": date(2028, 1, 31)}
            factories.make_invoice(10_000, member=member, dated=date(2028, 1, 15), **due)
            with transaction():
                record_offline(member, 4_000, method=Method.CHECK, on=made.today, by=None)
            points = {point.day: point for point in trend(date(2028, 3, 31), Place())}
            in_february = 4_000 if today.month == 2 else 0
            assert points[date(2028, 2, 29)].month.collected == in_february
            assert points[date(2028, 3, 31)].month.collected == 4_000 - in_february
            assert points[date(2028, 2, 29)].total == 10_000 - in_february
            factories.verify_books(made)


def test_a_stored_point_and_one_worked_out_say_the_same_as_the_aging_of_that_day(organization: Any) -> None:
    member = factories.make_member(factories.make_chapter(), factories.make_status())
    factories.make_invoice(10_000, member=member, dated=date(2026, 5, 1), due_on=date(2026, 5, 31))
    with transaction():
        record_offline(member, 2_500, method=Method.CHECK, on=date(2026, 7, 31), by=None)
        snapshots.take_nightly(date(2026, 8, 1))

    points = trend(date(2026, 10, 15), Place(chapter_id=Member.here().get(member.id).chapter_id))

    assert [point.day for point in points if point.stored] == [date(2026, 7, 31)]
    for point in points:
        assert tuple(point.ages) == aging.aging(point.day, today=organization.today).amounts
        assert not point.differs
    assert points[-1].year.dso == pytest.approx(7_500 / 10_000 * 365)
    assert points[0].year.dso is None
