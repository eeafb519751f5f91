from datetime import date
from typing import Any

import pytest

from tests import factories
from webapp.core.db import transaction
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.organizations import Member
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.reporting import same_day
from webapp.domain.reporting.same_day import Progress


@pytest.fixture
def members(organization: Any) -> tuple[Member, Member]:
    """Of two chapters; both paid 100.00 for the spring, due on February 15: on the 10th and on March 1."""
    factories.make_rate(status := factories.make_status(), 10_000)
    early, late = [factories.make_member(factories.make_chapter(code), status) for code in ("A", "B")]
    spring = {
        "name": "Spring 2026",
        "starts_on": date(2026, 1, 1),
        "ends_on": date(2026, 6, 30),
        "due_on": date(2026, 2, 15),
        "grace_ends_on": date(2026, 3, 1),
    }
    factories.bill(factories.make_period("2026-spring", **spring), dated=date(2026, 1, 1))
    _pay(early, date(2026, 2, 10))
    _pay(late, date(2026, 3, 1))
    return early, late


@pytest.fixture
def fall(members: tuple[Member, Member]) -> BillingPeriod:
    """Due on July 31."""
    period = factories.make_period()
    factories.bill(period)
    return period


def _pay(member: Member, on: date) -> None:
    with transaction():
        record_offline(member, 10_000, method=Method.CHECK, on=on, by=None)


@pytest.mark.parametrize(
    ("today", "then", "collected"),
    [
        (date(2026, 7, 20), date(2026, 2, 4), 0),
        (date(2026, 7, 26), date(2026, 2, 10), 10_000),
        (date(2026, 8, 13), date(2026, 2, 28), 10_000),
        (date(2026, 8, 14), date(2026, 3, 1), 20_000),
    ],
)
def test_the_period_before_is_seen_as_many_days_from_its_due_date(
    fall: BillingPeriod, today: date, then: date, collected: int
) -> None:
    before = same_day.before(fall, today)

    assert before is not None
    assert (before.period.name, before.on) == ("Spring 2026", then)
    assert before.whole == Progress(billed=20_000, collected=collected)


def test_a_chapter_is_compared_with_itself(fall: BillingPeriod, members: tuple[Member, Member]) -> None:
    early, late = members
    whole = same_day.before(fall, date(2026, 7, 31))
    of_late = same_day.before(fall, date(2026, 7, 31), chapter_id=late.chapter_id)

    assert whole is not None and of_late is not None
    assert whole.by_chapter == {
        early.chapter_id: Progress(10_000, 10_000),
        late.chapter_id: Progress(10_000, 0),
    }
    assert of_late.by_chapter == {late.chapter_id: Progress(10_000, 0)}
    assert (whole.whole.rate, of_late.whole.rate) == (0.5, 0.0)


def test_the_first_period_that_was_billed_has_nothing_before_it(organization: Any) -> None:
    factories.make_period("2025-fall", starts_on=date(2025, 7, 1), ends_on=date(2025, 12, 31))
    factories.make_invoice()
    [period] = BillingPeriod.here().all(BillingPeriod.code != "2025-fall")

    assert same_day.before(period, date(2026, 8, 1)) is None
