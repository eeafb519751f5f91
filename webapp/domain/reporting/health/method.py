"""How a chapter's health is scored. This is the published method: pages and programs read it from here.

EXPLAINED says how parts become a score, RULES what the parts are. It is whole numbers and fractions all the
way. Whoever changes a weight, a line, a formula or the rounding raises VERSION: scores of different versions
are not compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from babel.numbers import format_decimal

VERSION = 1
EXPLAINED = (
    "Six parts are measured at the end of a day. Each measure is rounded half up to a tenth of a per cent or"
    " a day, and everything after that follows from the rounded numbers, so that anybody can work the score"
    " out again from what is shown.",
    "A measure brings a share of its part's weight: what the table says, in a straight line between two of"
    " its rows, and no more and no less beyond its ends.",
    "A part that can't be measured is left out, and the weights of the others are stretched to 100 in"
    " proportion, as whole numbers by largest remainders, the earlier part first.",
    "The score is the sum of what all parts bring, rounded half up once. The points of the parts are that"
    " sum in whole numbers, by largest remainders, so that they come to the score.",
    "A score is written down every night for the day that is over, and never changed afterwards. A day"
    " without one is worked out from the documents, as they tell it now.",
)
FALL_DAYS, MARGIN, CALM_DAYS = 30, 3, 14
NOTICED = (
    "A notice is raised in the night after a day whose score is below the limit that the organization has set"
    f", or lower than the best score of the {FALL_DAYS} days before by more than it allows. While a notice"
    " stands, nothing more is said of the same.",
    f"It is over once the score is {MARGIN} points or more on the good side of that limit, or has been on the"
    f" good side for {CALM_DAYS} days on end. So a score that swings around the limit raises one notice, not"
    " one at every crossing.",
)
"""When somebody is told. No part of the score: a change here raises no VERSION."""

WHOLE = 100
TENTHS = 10


class Part(StrEnum):
    DELINQUENCY = "delinquency"
    EFFECTIVENESS = "collection_effectiveness"
    DSO_TREND = "dso_trend"
    AGING_MIX = "aging_mix"
    PLAN_DEFAULTS = "plan_defaults"
    RECONCILIATION = "reconciliation_age"


class Unit(StrEnum):
    PERCENT = "percent"
    DAYS = "days"


@dataclass(frozen=True)
class Rule:
    """One part. `line` has points of a measure, in its unit, and the per cent of the weight it brings there.

    `says` is the measure in words, `says_less` the same for one below zero; `raises` is what somebody in the
    chapter can do about it.
    """

    part: Part
    name: str
    weight: int
    unit: Unit
    line: Sequence[tuple[int, int]]
    formula: str
    source: str
    says: str
    raises: str
    says_less: str = ""

    def share(self, value: int) -> Fraction:
        """The part of the weight that a measure brings, 0 to 1. `value` is in tenths."""
        measured = Fraction(value, TENTHS)
        if measured <= self.line[0][0]:
            return Fraction(self.line[0][1], WHOLE)
        for (left, low), (right, high) in zip(self.line, self.line[1:], strict=False):
            if measured <= right:
                return (low + (high - low) * (measured - left) / (right - left)) / WHOLE
        return Fraction(self.line[-1][1], WHOLE)

    def next_better(self, value: int) -> tuple[int, int] | None:
        """The nearest point of the line that brings more than this measure; None when all is reached."""
        now = self.share(value) * WHOLE
        better = [point for point in self.line if point[1] > now]
        return min(better, key=lambda point: point[1]) if better else None

    def points_at(self, share: int, locale: str) -> str:
        """What so many per cent of the weight are, as people read it."""
        return str(format_decimal(Decimal(self.weight * share) / WHOLE, locale=locale))

    def in_words(self, value: int, locale: str) -> str:
        if value < 0 and self.says_less:
            return self.says_less.format(self.amount(-value, locale))
        return self.says.format(self.amount(value, locale))

    @staticmethod
    def exactly(value: int) -> Decimal:
        """A measure in tenths, in its unit."""
        return Decimal(value) / TENTHS

    def amount(self, value: int, locale: str) -> str:
        """A measure in tenths, as people read it: 31.4 %, 12 days."""
        number = format_decimal(self.exactly(value), locale=locale)
        if self.unit is Unit.PERCENT:
            return f"{number} %"
        return f"{number} day" if value == TENTHS else f"{number} days"


RULES = (
    Rule(
        part=Part.DELINQUENCY,
        name="Delinquency",
        weight=20,
        unit=Unit.PERCENT,
        line=((10, 100), (25, 75), (50, 30), (75, 0)),
        formula="What is past its due date, as a share of all that is owed.",
        source="The delinquency rate of the aging report.",
        says="{} of what is owed is past due.",
        raises="Every amount past due that is paid, waived or put right raises it.",
    ),
    Rule(
        part=Part.EFFECTIVENESS,
        name="Collection effectiveness",
        weight=30,
        unit=Unit.PERCENT,
        line=((50, 0), (80, 50), (95, 100)),
        formula=(
            "Of what could have come in, the share that did: collected in the last 12 months, divided by"
            " that, what is past due now and what was written off."
        ),
        source="The collection effectiveness index of the collections report.",
        says="{} of what could have come in did.",
        raises="Collecting what is past due raises it twice: it is collected, and it is past due no more.",
    ),
    Rule(
        part=Part.DSO_TREND,
        name="DSO trend",
        weight=15,
        unit=Unit.DAYS,
        line=((-30, 100), (0, 75), (30, 35), (60, 0)),
        formula=(
            "Days sales outstanding, less those of the same day a year before: dues are billed in seasons,"
            " so only the same season compares."
        ),
        source="Days sales outstanding of the collections report: owed, divided by what a day bills.",
        says="Collecting takes {} longer than a year before.",
        says_less="Collecting takes {} less than a year before.",
        raises="It rises when more of a season's dues is paid by the same day than the year before.",
    ),
    Rule(
        part=Part.AGING_MIX,
        name="Aging mix",
        weight=15,
        unit=Unit.PERCENT,
        line=((1, 100), (4, 60), (10, 20), (20, 0)),
        formula=(
            "How old what is owed is: not yet due counts nothing, 1 to 30 days a quarter, 31 to 60 days half,"
            " 61 to 90 days three quarters, and longer all of it, as a share of what was to be collected in"
            " the last 12 months. So a few old debts beside much that was paid weigh little."
        ),
        source="The buckets of the aging report, weighed as a provision matrix weighs doubtful debts.",
        says="Weighed by age, {} of what was to be collected in 12 months is old.",
        raises="The oldest debts weigh most: look at those over 90 days first.",
    ),
    Rule(
        part=Part.PLAN_DEFAULTS,
        name="Plan defaults",
        weight=10,
        unit=Unit.PERCENT,
        line=((0, 100), (10, 75), (25, 30), (50, 0)),
        formula="Of the payment plans that ran in the last 12 months, the share that ended as defaulted.",
        source="The chapter's payment plans; one that another replaced is not counted beside it.",
        says="{} of the payment plans of the last 12 months defaulted.",
        raises="Agree on installments that can be kept, and change a plan before it is broken.",
    ),
    Rule(
        part=Part.RECONCILIATION,
        name="Reconciliation age",
        weight=10,
        unit=Unit.DAYS,
        line=((3, 100), (14, 60), (30, 20), (60, 0)),
        formula=(
            "How long the oldest money has waited to be put in its place: a receipt that settles nothing, a"
            " payment whose fee is not confirmed, or a batch of checks that is not posted."
        ),
        source="Payments and deposits. It is measured in the night itself; afterwards nobody can tell.",
        says="The oldest money to be put in its place has waited for {}.",
        raises="Post open deposits, and look at the payments whose fee could not be read.",
    ),
)
RULE = {rule.part: rule for rule in RULES}
