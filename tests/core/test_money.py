from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core import money
from webapp.core.errors import Invalid


@pytest.mark.case("K7")
@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(lambda weights: sum(weights) > 0),
)
def test_the_parts_of_a_split_always_sum_to_the_whole(amount: int, weights: list[int]) -> None:
    parts = money.split(amount, weights)
    assert sum(parts) == amount
    exact = [amount * weight / sum(weights) for weight in weights]
    assert all(abs(part - share) < 1.001 for part, share in zip(parts, exact, strict=True))


@pytest.mark.case("K26")
def test_equal_parts_differ_by_at_most_one_minor_unit_and_earlier_parts_get_it() -> None:
    parts = money.split(80000, [1] * 12)
    assert parts == [6667] * 8 + [6666] * 4


def test_shares_with_decimals_split_without_losing_a_cent() -> None:
    assert sum(money.split(1_000_001, [Decimal("1.5625")] * 64)) == 1_000_001


def test_nothing_can_be_split_by_shares_that_are_all_zero() -> None:
    with pytest.raises(Invalid):
        money.split(100, [0, 0])


@pytest.mark.case("K15")
@pytest.mark.parametrize(
    ("text", "currency", "locale", "minor"),
    [
        ("19.99", "USD", "en_US", 1999),
        ("$ 1,250.5", "USD", "en_US", 125050),
        ("1250", "USD", "en_US", 125000),
        ("1.250,50", "EUR", "de_DE", 125050),
        ("1 250,50 €", "EUR", "fr_FR", 125050),
        ("100", "JPY", "ja_JP", 100),
        ("1.234", "KWD", "en_US", 1234),
        ("-5", "USD", "en_US", -500),
        ("USD 12", "USD", "en_US", 1200),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, currency: str, locale: str, minor: int) -> None:
    assert money.parse(text, currency, locale) == minor


@pytest.mark.case("K15")
@pytest.mark.parametrize(
    ("text", "currency", "locale"),
    [
        ("1.250,50", "USD", "en_US"),
        ("1,2", "USD", "en_US"),
        ("12.345", "USD", "en_US"),
        ("100.5", "JPY", "en_US"),
        ("€ 12", "USD", "en_US"),
        ("12 EUR", "USD", "en_US"),
        ("", "USD", "en_US"),
        ("ten", "USD", "en_US"),
        ("1e5", "USD", "en_US"),
        ("NaN", "USD", "en_US"),
        ("99999999999999999999", "USD", "en_US"),
    ],
)
def test_what_is_ambiguous_or_of_another_currency_is_refused_with_a_sentence(
    text: str, currency: str, locale: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        money.parse(text, currency, locale)
    assert refusal.value.message.endswith(".")


@given(st.integers(-(10**14), 10**14), st.sampled_from(["USD", "JPY", "KWD", "EUR"]))
def test_what_is_written_is_read_back(amount: int, currency: str) -> None:
    assert money.parse(money.plain(amount, currency), currency) == amount


def test_percentages_are_rounded_half_up_once() -> None:
    assert money.percentage(1050, Decimal("5")) == 53
    assert money.percentage(-1050, Decimal("5")) == -53
    assert money.percentage(10_000, Decimal("2.9")) == 290
