"""What a plan asks for and when, computed again by hand: every part, every day, every cent of interest."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.errors import Invalid
from webapp.domain.plans.terms import Terms, interest, refuse_impossible, schedule

START = date(2026, 8, 20)


@pytest.mark.case("K26")
def test_parts_differ_by_at_most_one_cent_and_the_larger_ones_come_first() -> None:
    parts = schedule(80_000, Terms(START, 31, installments=12))

    assert [part.amount for part in parts] == [6_667] * 8 + [6_666] * 4
    assert sum(part.amount for part in parts) == 80_000


@pytest.mark.case("K26")
def test_as_many_parts_as_it_takes_to_pay_at_most_so_much_a_month() -> None:
    parts = schedule(80_000, Terms(START, 31, monthly=30_000, down_payment=10_001))

    assert [part.amount for part in parts] == [10_001, 23_333, 23_333, 23_333]
    assert parts[0].due_on is None


def test_day_31_is_the_last_day_of_every_month_also_in_a_leap_year() -> None:
    ends = [part.due_on for part in schedule(500, Terms(date(2027, 12, 31), 31, installments=5))]

    days = ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]
    assert ends == [date.fromisoformat(day) for day in days]


@pytest.mark.parametrize(
    ("starts_on", "day", "first"),
    [
        (date(2026, 8, 20), 20, date(2026, 8, 20)),
        (date(2026, 8, 20), 19, date(2026, 9, 19)),
        (date(2027, 1, 31), 30, date(2027, 2, 28)),
        (date(2028, 2, 29), 29, date(2028, 2, 29)),
        (date(2026, 12, 31), 1, date(2027, 1, 1)),
    ],
)
def test_the_first_part_is_due_on_the_first_payment_day_from_the_start_on(
    starts_on: date, day: int, first: date
) -> None:
    assert schedule(100, Terms(starts_on, day, installments=1))[0].due_on == first


@given(
    total=st.integers(100, 10_000_000),
    count=st.integers(1, 60),
    day=st.integers(1, 31),
    starts_on=st.dates(date(2024, 1, 1), date(2032, 12, 31)),
    rate=st.decimals(Decimal("0.001"), 100, places=3),
    down=st.integers(0, 39),
)
def test_the_schedule_is_what_counting_day_by_day_comes_to(
    total: int, count: int, day: int, starts_on: date, rate: Decimal, down: int
) -> None:
    parts = schedule(total, Terms(starts_on, day, installments=count, down_payment=down, interest_rate=rate))

    assert sum(part.amount for part in parts) == total
    left, today = total - down, starts_on
    for part in [part for part in parts if part.position]:
        assert part.due_on is not None
        balances = 0
        while today < part.due_on:
            balances, today = balances + left, today + timedelta(days=1)
        exact = Decimal(balances) * rate / Decimal(36_500)
        assert part.interest == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        month_end = (part.due_on + timedelta(days=1)).month != part.due_on.month
        assert part.due_on.day == day or (month_end and part.due_on.day < day)
        left -= part.amount
    assert left == 0


def test_a_leap_year_has_365_days_for_interest_and_half_a_cent_is_rounded_up() -> None:
    assert interest(100_000 * 366, Decimal(5)) == 5_014
    assert interest(36_500, Decimal("0.5")) == 1 and interest(36_500, Decimal("0.499")) == 0


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("starts_on", Terms(START - timedelta(days=1), 1, installments=1)),
        ("payment_day", Terms(START, 32, installments=1)),
        ("payment_day", Terms(START, 0, installments=1)),
        ("interest_rate", Terms(START, 1, installments=1, interest_rate=Decimal(0))),
        ("interest_rate", Terms(START, 1, installments=1, interest_rate=Decimal("100.001"))),
        ("down_payment", Terms(START, 1, installments=1, down_payment=500)),
        ("down_payment", Terms(START, 1, installments=1, down_payment=-1)),
        ("installments", Terms(START, 1)),
        ("installments", Terms(START, 1, installments=2, monthly=100)),
        ("installments", Terms(START, 1, installments=61)),
        ("installments", Terms(START, 1, installments=0)),
        ("monthly", Terms(START, 1, monthly=0)),
        ("monthly", Terms(START, 1, monthly=8)),
    ],
)
def test_terms_that_make_no_plan_are_refused_where_they_are_wrong(field: str, terms: Terms) -> None:
    with pytest.raises(Invalid) as refused:
        refuse_impossible(500, terms, on=START)
    assert list(refused.value.fields) == [field]
