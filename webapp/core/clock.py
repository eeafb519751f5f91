"""Instants are UTC; days are the organization's own."""

import calendar
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo


def now() -> datetime:
    return datetime.now(UTC)


@cache
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def today(timezone: str) -> date:
    """The calendar day it is right now in this time zone."""
    return now().astimezone(zone(timezone)).date()


def add_months(day: date, months: int, *, anchor_day: int | None = None) -> date:
    """The same day some months on; a month's end stays a month's end when `anchor_day` (1 to 31) says so.

    `add_months(date(2026, 2, 28), 1, anchor_day=31)` is 31 March.
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return day_in_month(year, month + 1, anchor_day or day.day)


def day_in_month(year: int, month: int, day: int) -> date:
    """That day of the month, or the month's last day when it is shorter."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def month_ends_before(day: date, count: int) -> list[date]:
    """The last days of so many months before the day's own, oldest first."""
    return [month_end(add_months(day.replace(day=1), -back)) for back in range(count, 0, -1)]


def month_end(day: date) -> date:
    return day_in_month(day.year, day.month, 31)
