"""Amounts are whole numbers of a currency's minor unit. Decimal text exists only at the edges."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache

from babel.numbers import (
    NumberFormatError,
    format_currency,
    get_currency_precision,
    get_currency_symbol,
    get_decimal_symbol,
    get_group_symbol,
    list_currencies,
)

from webapp.core.errors import Invalid


def precision(currency: str) -> int:
    """How many decimals the currency has by CLDR: 2 for USD, 0 for JPY, 3 for KWD."""
    return get_currency_precision(currency)


def is_currency(code: str) -> bool:
    return code in list_currencies()


def round_half_up(value: Fraction | Decimal) -> int:
    exact = Fraction(value)
    sign = -1 if exact < 0 else 1
    return sign * int(abs(exact) + Fraction(1, 2))


def percentage(amount: int, percent: Decimal) -> int:
    """`percent` per cent of an amount in minor units, rounded half up once, at the end."""
    return round_half_up(Fraction(amount) * Fraction(percent) / 100)


def split(amount: int, weights: Sequence[int | Decimal | Fraction]) -> list[int]:
    """Parts in proportion to the weights that sum to the whole (largest remainder, Hamilton's method).

    Equal remainders go to the earlier part, so the order of the weights decides and is stated by the caller.
    """
    shares = [Fraction(weight) for weight in weights]
    whole = sum(shares)
    if not shares or whole <= 0 or min(shares) < 0:
        raise Invalid("An amount can only be split by shares that are not negative and not all zero.")
    sign = -1 if amount < 0 else 1
    exact = [abs(amount) * share / whole for share in shares]
    parts = [int(part) for part in exact]
    short = abs(amount) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[:short]:
        parts[index] += 1
    return [sign * part for part in parts]


def to_decimal(amount: int, currency: str) -> Decimal:
    return Decimal(amount).scaleb(-precision(currency))


def plain(amount: int, currency: str) -> str:
    """`1234.50`: for CSV and programs; a point, no grouping, always the currency's decimals."""
    return f"{to_decimal(amount, currency):.{precision(currency)}f}"


def shortest(value: Decimal) -> str:
    """A rate or a share as one writes it: 6.5, and 10, whatever zeros it is kept with."""
    return f"{value.normalize():f}"


def typed(amount: int, currency: str, locale: str = "en_US") -> str:
    """`1234.50`, or `1234,50` where that is the custom: as a person would type it, for `parse` to read."""
    return plain(amount, currency).replace(".", get_decimal_symbol(locale))


@lru_cache(maxsize=10_000)
def display(amount: int, currency: str, locale: str = "en_US") -> str:
    """`$1,234.50`: for people. Writing it takes longer than remembering it, and dues repeat."""
    return format_currency(to_decimal(amount, currency), currency, locale=locale)


_NOISE = re.compile(r"[\s'’]")


def parse(text: str, currency: str, locale: str = "en_US") -> int:
    """Minor units from what a person typed: `$ 1,250.5`, `1250`, or `1.250,50` where that is the custom.

    Invalid when the text is no amount, is ambiguous for the locale, or has more decimals than the currency.
    """
    body = text
    for name in (currency, get_currency_symbol(currency, locale), get_currency_symbol(currency, "en_US")):
        body = body.replace(name, "")
    body = _NOISE.sub("", body)
    point, group = get_decimal_symbol(locale), get_group_symbol(locale)
    whole = rf"\d{{1,3}}({re.escape(group)}\d{{3}})+|\d*" if group in ",." else r"\d*"
    if not re.search(r"\d", body) or not re.fullmatch(rf"[-+]?({whole})({re.escape(point)}\d+)?", body):
        raise Invalid(f"“{text.strip()}” is not an amount. Write it like {_example(currency, locale)}.")
    number = Decimal(body.replace(group, "").replace(point, "."))
    minor = number.scaleb(precision(currency))
    if minor != minor.to_integral_value():
        raise Invalid(f"“{text.strip()}” has more decimals than {currency} has.")
    if abs(minor) >= Decimal(10) ** 15:
        raise Invalid(f"“{text.strip()}” is too large to be an amount.")
    return int(minor.to_integral_value(ROUND_HALF_UP))


def _example(currency: str, locale: str) -> str:
    try:
        return format_currency(Decimal("1250.5"), currency, "#,##0.00", locale, currency_digits=True)
    except NumberFormatError:
        return "1250.50"
