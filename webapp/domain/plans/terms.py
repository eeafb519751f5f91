"""What a payment plan asks for and when: dated parts of a sum, and what waiting for them costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from webapp.core import clock, money
from webapp.core.errors import Invalid

MOST_PARTS = 60
DAYS_OF_A_YEAR = 365
_FURTHEST_START = timedelta(days=366)


@dataclass(frozen=True)
class Terms:
    """Either so many `installments`, or as many as it takes to pay at most `monthly` a month before interest.

    `payment_day` is a day of the month; 31 is the last day of every month. `down_payment` is due at once.
    `interest_rate` is per cent a year. Amounts in minor units.
    """

    starts_on: date
    payment_day: int
    installments: int | None = None
    monthly: int | None = None
    down_payment: int = 0
    interest_rate: Decimal | None = None

    def count(self, total: int) -> int:
        """How many installments there are, the down payment not counted."""
        if self.monthly is None:
            return self.installments or 0
        return -(-(total - self.down_payment) // self.monthly)

    def days(self, count: int) -> list[date]:
        """When they are due: each month's payment day, the first one not before the start."""
        first = clock.day_in_month(self.starts_on.year, self.starts_on.month, self.payment_day)
        later = int(first < self.starts_on)
        return [
            clock.add_months(first, later + number, anchor_day=self.payment_day) for number in range(count)
        ]


@dataclass(frozen=True)
class Part:
    """One part as foreseen: `position` 0 is the down payment, due at once, so without a date.

    `interest` is what it will cost if every part is paid on its day.
    """

    position: int
    due_on: date | None
    amount: int
    interest: int


def schedule(total: int, terms: Terms) -> list[Part]:
    """All parts, in order. They differ by at most one minor unit, the larger ones first."""
    rest, parts = total - terms.down_payment, []
    if terms.down_payment:
        parts.append(Part(0, None, terms.down_payment, 0))
    since, count = terms.starts_on, terms.count(total)
    amounts = money.split(rest, [1] * count)
    for position, (due_on, amount) in enumerate(zip(terms.days(count), amounts, strict=True), 1):
        cost = interest(rest * (due_on - since).days, terms.interest_rate) if terms.interest_rate else 0
        parts.append(Part(position, due_on, amount, cost))
        rest, since = rest - amount, due_on
    return parts


def interest(day_balances: int, rate: Decimal) -> int:
    """Simple interest: the sum of what was outstanding on each day, in minor units, times the yearly rate
    in per cent / 100 / 365, also in leap years; rounded half up to the minor unit, once for each installment.

    A day counts until the money came in; interest itself bears none.
    """
    return money.round_half_up(Fraction(day_balances) * Fraction(rate) / 100 / DAYS_OF_A_YEAR)


def refuse_impossible(total: int, terms: Terms, *, on: date) -> None:
    """Invalid, at the fields that are wrong."""
    problems = _problems_of_parts(total, terms)
    if not on <= terms.starts_on <= on + _FURTHEST_START:
        problems["starts_on"] = "Choose a day from today to a year from now."
    if not 1 <= terms.payment_day <= 31:
        problems["payment_day"] = "Enter a day from 1 to 31. 31 is the last day of every month."
    rate = terms.interest_rate
    if rate is not None and not (rate.is_finite() and 0 < rate <= 100 and rate == round(rate, 3)):
        problems["interest_rate"] = (
            "Enter a yearly rate above 0 and up to 100, with three decimals at most, or nothing."
        )
    if problems:
        raise Invalid(fields=problems)


def _problems_of_parts(total: int, terms: Terms) -> dict[str, str]:
    rest = total - terms.down_payment
    if not 0 <= terms.down_payment < total:
        return {"down_payment": "A down payment is less than what the plan is about."}
    if (terms.installments is None) == (terms.monthly is None):
        return {"installments": "Say either how many installments, or the most a month."}
    if terms.monthly is not None and terms.monthly <= 0:
        return {"monthly": "Enter more than zero."}
    if not 1 <= terms.count(total) <= min(MOST_PARTS, rest):
        at = "installments" if terms.monthly is None else "monthly"
        return {at: f"That has to make 1 to {min(MOST_PARTS, rest)} installments."}
    return {}


def total_interest(parts: Sequence[Part]) -> int:
    return sum(part.interest for part in parts)
