"""From what is known of a chapter to its score, by the published method, exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from webapp.core import money
from webapp.domain.reporting.collections import figures as collections
from webapp.domain.reporting.health.method import RULE, RULES, TENTHS, VERSION, WHOLE, Part, Rule


@dataclass(frozen=True)
class Figures:
    """What is known of one chapter at the end of a day: its collections over the 12 months until then and
    over those until the same day a year before; and its payment plans in these 12 months.

    `waiting_days` is None for a day too long ago to tell, `takes_money` whether any payment ever came.
    """

    now: collections.Figures
    before: collections.Figures
    plans: int = 0
    defaulted: int = 0
    waiting_days: int | None = None
    takes_money: bool = False


@dataclass(frozen=True)
class Measured:
    """A part's value in tenths of its unit, or else the reason why there is none."""

    value: int | None
    reason: str = ""


@dataclass(frozen=True)
class Scored:
    """One part of a score: `points` of `weight`, where `weight` is what it has beside those left out."""

    part: Part
    value: int | None
    reason: str
    weight: int
    points: int

    @property
    def rule(self) -> Rule:
        return RULE[self.part]

    @property
    def measure(self) -> Decimal | None:
        """In its unit."""
        return None if self.value is None else self.rule.exactly(self.value)


@dataclass(frozen=True)
class Score:
    points: int
    parts: Sequence[Scored]
    version: int = VERSION


def score(figures: Figures) -> Score | None:
    """None where nothing was owed or collected: there is nothing to be healthy or ill."""
    return scored(measured(figures)) if _moved(figures) else None


def measured(figures: Figures) -> dict[Part, Measured]:
    """Every part's value, rounded, or why it has none."""
    now, ages = figures.now, figures.now.ages
    past_due, came, available = sum(ages[1:]), now.collected + now.credited, now.opening + now.billed
    nothing = "" if _moved(figures) else "Nothing was owed or collected in the last 12 months."
    return {
        Part.DELINQUENCY: Measured(None, nothing) if nothing else _percent(past_due, now.closing),
        Part.EFFECTIVENESS: (
            _percent(came, came + past_due + now.written_off)
            if came + past_due + now.written_off > 0
            else Measured(None, "Nothing could have come in during the last 12 months.")
        ),
        Part.DSO_TREND: _dso_trend(figures),
        Part.AGING_MIX: Measured(None, nothing) if nothing else _percent(_aged(ages), 4 * available),
        Part.PLAN_DEFAULTS: (
            _percent(figures.defaulted, figures.plans)
            if figures.plans
            else Measured(None, "No payment plan ran in the last 12 months.")
        ),
        Part.RECONCILIATION: _reconciliation(figures),
    }


def _moved(figures: Figures) -> bool:
    now = figures.now
    return bool(now.closing or now.billed or now.collected or now.credited)


def scored(found: Mapping[Part, Measured]) -> Score:
    """At least one part has to have a value."""
    values = [found[rule.part].value for rule in RULES]
    weights = money.split(WHOLE, [0 if value is None else rule.weight for rule, value in _with(values)])
    exact = [
        Fraction(0) if value is None else weight * rule.share(value)
        for (rule, value), weight in zip(_with(values), weights, strict=True)
    ]
    points = money.round_half_up(sum(exact, Fraction(0)))
    parts = zip(RULES, values, weights, _whole(points, exact), strict=True)
    return Score(
        points, [Scored(one.part, value, found[one.part].reason, *rest) for one, value, *rest in parts]
    )


def _whole(points: int, exact: Sequence[Fraction]) -> list[int]:
    """The parts of a sum as whole numbers that come to it; none is rounded up that is whole already."""
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[: points - sum(parts)]:
        parts[index] += 1
    return parts


def _with(values: Sequence[int | None]) -> list[tuple[Rule, int | None]]:
    return list(zip(RULES, values, strict=True))


def _dso_trend(figures: Figures) -> Measured:
    now, before = (_dso(one) for one in (figures.now, figures.before))
    if now is None:
        return Measured(None, "Nothing was billed in the last 12 months.")
    if before is None:
        return Measured(None, "Nothing was billed in the year before, so there is no trend yet.")
    return Measured(_tenths(now - before))


def _dso(of: collections.Figures) -> Fraction | None:
    """Days sales outstanding, exactly."""
    return Fraction(of.closing * of.span.days, of.billed) if of.billed > 0 else None


def _reconciliation(figures: Figures) -> Measured:
    if figures.waiting_days is None:
        return Measured(None, "It is measured in the night itself, and nobody can tell it afterwards.")
    if not figures.takes_money:
        return Measured(None, "No money has come in yet.")
    return Measured(figures.waiting_days * TENTHS)


def _aged(by_age: Sequence[int]) -> int:
    """In quarters of an amount."""
    return sum(quarters * amount for quarters, amount in enumerate(by_age))


def _percent(part: int, whole: int) -> Measured:
    """Between 0 and 100: money that came before its invoice may take a sum below zero for some days."""
    share = Fraction(max(part, 0), whole) if whole > 0 else Fraction(0)
    return Measured(_tenths(min(share, Fraction(1)) * WHOLE))


def _tenths(value: Fraction) -> int:
    return money.round_half_up(value * TENTHS)
