from datetime import UTC, date, datetime

import pytest
import time_machine

from webapp.core import clock


@pytest.mark.case("K8")
@pytest.mark.parametrize(
    ("instant", "timezone", "day"),
    [
        (datetime(2026, 12, 1, 2, 1, tzinfo=UTC), "America/New_York", date(2026, 11, 30)),
        (datetime(2026, 12, 1, 2, 1, tzinfo=UTC), "Pacific/Kiritimati", date(2026, 12, 1)),
        (datetime(2026, 11, 30, 10, 30, tzinfo=UTC), "Pacific/Kiritimati", date(2026, 12, 1)),
        (datetime(2026, 3, 8, 7, 30, tzinfo=UTC), "America/New_York", date(2026, 3, 8)),
        (datetime(2026, 3, 8, 9, 59, tzinfo=UTC), "America/Adak", date(2026, 3, 7)),
    ],
)
def test_today_is_the_organizations_own_day(instant: datetime, timezone: str, day: date) -> None:
    with time_machine.travel(instant, tick=False):
        assert clock.today(timezone) == day


@pytest.mark.case("K8")
def test_a_month_end_stays_a_month_end() -> None:
    first = date(2026, 1, 31)
    ends = [clock.add_months(first, months, anchor_day=31) for months in range(5)]
    assert [str(day) for day in ends] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
    ]
    assert clock.add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert clock.add_months(date(2026, 3, 31), -1) == date(2026, 2, 28)
    assert clock.month_end(date(2024, 2, 3)) == date(2024, 2, 29)
