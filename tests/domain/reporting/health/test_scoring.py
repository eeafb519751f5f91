"""What a measure brings, and how parts become a score: nothing is asked of the database."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core import money
from webapp.domain.reporting import aging
from webapp.domain.reporting.collections import figures as collections
from webapp.domain.reporting.collections.figures import Span
from webapp.domain.reporting.health import scoring
from webapp.domain.reporting.health.method import RULE, RULES, WHOLE, Part, Rule
from webapp.domain.reporting.health.scoring import Figures, Measured

DAY = date(2028, 2, 29)
YEAR = Span.twelve_months(DAY)
HIGHER_IS_BETTER = {Part.EFFECTIVENESS}
VALUES = st.integers(-10_000, 10_000)


def of_year(ages: tuple[int, int, int, int, int], collected: int = 0, **more: int) -> collections.Figures:
    """`billed` is what it has to be for the rest."""
    issued = sum(ages) + collected + more.get("written_off", 0)
    return collections.Figures(YEAR, issued=issued, collected=collected, ages=ages, **more)


NOTHING = collections.Figures(YEAR)


def test_the_weights_are_a_hundred() -> None:
    assert sum(rule.weight for rule in RULES) == WHOLE
    assert {rule.part for rule in RULES} == set(Part)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.part.value)
def test_a_line_runs_from_all_of_the_weight_to_nothing_of_it(rule: Rule) -> None:
    assert [value for value, _ in rule.line] == sorted({value for value, _ in rule.line})
    assert {rule.line[0][1], rule.line[-1][1]} == {0, WHOLE}


@pytest.mark.parametrize(
    ("part", "value", "share"),
    [
        (Part.DELINQUENCY, 0, 1),
        (Part.DELINQUENCY, 100, 1),
        (Part.DELINQUENCY, 175, Fraction(7, 8)),
        (Part.DELINQUENCY, 314, Fraction(1587, 2500)),
        (Part.DELINQUENCY, 900, 0),
        (Part.EFFECTIVENESS, 400, 0),
        (Part.EFFECTIVENESS, 875, Fraction(3, 4)),
        (Part.EFFECTIVENESS, 1000, 1),
        (Part.DSO_TREND, -450, 1),
        (Part.DSO_TREND, 0, Fraction(3, 4)),
        (Part.DSO_TREND, 150, Fraction(11, 20)),
        (Part.RECONCILIATION, 30, 1),
        (Part.RECONCILIATION, 600, 0),
    ],
)
def test_a_measure_brings_what_its_line_says(part: Part, value: int, share: Fraction) -> None:
    assert RULE[part].share(value) == share


@given(part=st.sampled_from(Part), values=st.tuples(VALUES, VALUES))
def test_a_better_measure_never_brings_less(part: Part, values: tuple[int, int]) -> None:
    worse, better = sorted(values, reverse=part not in HIGHER_IS_BETTER)

    assert 0 <= RULE[part].share(worse) <= RULE[part].share(better) <= 1


MEASURES = st.fixed_dictionaries({part: st.one_of(st.none(), VALUES) for part in Part}).filter(
    lambda found: any(value is not None for value in found.values())
)


def scored(values: dict[Part, int | None]) -> scoring.Score:
    return scoring.scored({part: Measured(value) for part, value in values.items()})


@given(values=MEASURES)
def test_the_points_come_to_the_score_and_the_weights_to_a_hundred(values: dict[Part, int | None]) -> None:
    score = scored(values)

    assert 0 <= score.points == sum(part.points for part in score.parts) <= WHOLE
    assert sum(part.weight for part in score.parts) == WHOLE
    for part in score.parts:
        assert 0 <= part.points <= part.weight
        assert (part.value is None) == (part.weight == 0)
        if part.value is not None:
            assert abs(part.points - part.weight * part.rule.share(part.value)) < 1


@given(values=MEASURES, part=st.sampled_from(Part), better=st.integers(0, 5_000))
def test_a_better_measure_never_lowers_a_score(
    values: dict[Part, int | None], part: Part, better: int
) -> None:
    if values[part] is None:
        values[part] = 0
    improved = (values[part] or 0) + (better if part in HIGHER_IS_BETTER else -better)

    assert scored(values).points <= scored({**values, part: improved}).points


def test_what_is_left_out_gives_its_weight_to_the_others() -> None:
    score = scored({part: None for part in Part} | {Part.DELINQUENCY: 0, Part.RECONCILIATION: 600})

    assert [(part.weight, part.points) for part in score.parts if part.weight] == [(67, 67), (33, 0)]
    assert score.points == 67


def test_a_chapter_is_measured_by_its_documents() -> None:
    figures = Figures(
        now=of_year((7_000, 1_000, 1_000, 500, 500), collected=27_000),
        before=of_year((4_000, 0, 0, 0, 0), collected=36_000),
        plans=8,
        defaulted=1,
        waiting_days=2,
        takes_money=True,
    )

    score = scoring.score(figures)

    assert score is not None
    assert {part.part: part.value for part in score.parts} == {
        Part.DELINQUENCY: 300,
        Part.EFFECTIVENESS: 900,
        Part.DSO_TREND: money.round_half_up(Fraction(10_000 * 366 * 10, 37_000) - Fraction(366)),
        Part.AGING_MIX: 44,
        Part.PLAN_DEFAULTS: 125,
        Part.RECONCILIATION: 20,
    }
    assert [(part.weight, part.points) for part in score.parts] == [
        (20, 13),
        (30, 25),
        (15, 0),
        (15, 9),
        (10, 7),
        (10, 10),
    ]
    assert score.points == 64


def test_measures_are_those_of_the_reports_that_they_come_from() -> None:
    now, before = of_year((900, 77, 0, 31, 5), 4_711, written_off=13), of_year((0, 0, 0, 0, 333), 1_001)
    found = {part: one.value for part, one in scoring.measured(Figures(now, before)).items()}
    effectiveness, trend = now.effectiveness, (now.dso or 0) - (before.dso or 0)
    aged = aging.Aging((900, 77, 0, 31, 5), invoices=1)

    assert effectiveness is not None
    assert found[Part.EFFECTIVENESS] == round(effectiveness * 1000)
    assert found[Part.DSO_TREND] == round(trend * 10)
    assert found[Part.DELINQUENCY] == round(aged.delinquency_rate * 1000)


def test_what_was_written_off_was_not_collected() -> None:
    found = scoring.measured(Figures(of_year((0,) * 5, collected=6_000, written_off=4_000), NOTHING))

    assert found[Part.EFFECTIVENESS].value == 600


def test_a_chapter_that_was_never_billed_has_no_score() -> None:
    assert scoring.score(Figures(NOTHING, NOTHING, plans=1, waiting_days=9, takes_money=True)) is None


def test_money_that_came_before_its_invoice_takes_no_measure_beyond_its_ends() -> None:
    found = scoring.measured(Figures(of_year((-500, 400, 0, 0, 0), collected=-50), NOTHING))

    assert (found[Part.DELINQUENCY].value, found[Part.EFFECTIVENESS].value) == (0, 0)


def test_each_part_that_is_left_out_says_why() -> None:
    found = scoring.measured(Figures(NOTHING, NOTHING))

    assert all(one.value is None and one.reason.endswith(".") for one in found.values())


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        (Part.DELINQUENCY, 314, "31.4 % of what is owed is past due."),
        (Part.DSO_TREND, 10, "Collecting takes 1 day longer than a year before."),
        (Part.DSO_TREND, -125, "Collecting takes 12.5 days less than a year before."),
    ],
)
def test_a_measure_reads_as_a_sentence(part: Part, value: int, words: str) -> None:
    assert RULE[part].in_words(value, "en_US") == words


def test_the_next_better_point_is_what_to_aim_at() -> None:
    assert RULE[Part.DELINQUENCY].next_better(314) == (25, 75)
    assert RULE[Part.EFFECTIVENESS].next_better(500) == (80, 50)
    assert RULE[Part.DELINQUENCY].next_better(100) is None
