"""Collections, worked out by hand. That they add up for any history is tested in tests/properties."""

from datetime import date
from typing import Any

import pytest

from tests import factories
from webapp.core.db import transaction
from webapp.domain.billing.adjusting import adjust
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Member, PledgeClass
from webapp.domain.payments import reversing
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method, Payment
from webapp.domain.reporting.collections import report
from webapp.domain.reporting.collections.figures import Figures, Span
from webapp.domain.reporting.collections.report import By
from webapp.domain.reporting.receivables import Whose

SPRING = Span(date(2026, 4, 1), date(2026, 6, 30))
MARCH, MAY, JULY = date(2026, 3, 10), date(2026, 5, 10), date(2026, 7, 10)


@pytest.fixture
def member(organization: Any) -> Member:
    return factories.make_member(factories.make_chapter(), factories.make_status())


def owing(member: Member, amount: int, issued_on: date, due_on: date) -> Invoice:
    return factories.make_invoice(amount, member=member, dated=issued_on, due_on=due_on, grace_ends_on=due_on)


def pay(member: Member, amount: int, on: date) -> Payment:
    with transaction():
        return record_offline(member, amount, method=Method.CHECK, on=on, by=None)


def change(invoice: Invoice, kind: AdjustmentKind, amount: int, on: date) -> None:
    with transaction():
        adjust(Invoice.here().get(invoice.id, lock=True), Change(kind, amount, "Agreed"), by=None, on=on)


def test_a_quarter_worked_out_by_hand(member: Member) -> None:
    """620.00 were owed before. 363.00 were issued, less 12.00 waived, and a fee of 27.00; 322.00 came in and
    22.00 went back; 50.00 were written off. Of the 648.00 owed then, 378.00 were not due yet."""
    old = owing(member, 62_000, MARCH, date(2026, 3, 31))
    new = owing(member, 36_300, MAY, JULY)
    change(new, AdjustmentKind.WAIVER, 1_200, MAY)
    change(new, AdjustmentKind.FEE, 2_700, date(2026, 6, 1))
    pay(member, 30_000, MAY)
    wrong = pay(member, 2_200, date(2026, 5, 12))
    with transaction():
        reversing.reverse(wrong.id, by=None, reason="Another's", on=date(2026, 6, 3))
    change(old, AdjustmentKind.WRITE_OFF, 5_000, date(2026, 6, 30))
    pay(member, 9_999, JULY)

    told = report.of(SPRING)

    assert (told.opening, told.billed, told.collected, told.written_off) == (62_000, 37_800, 30_000, 5_000)
    assert (told.issued, told.adjusted, told.credited) == (36_300, 1_500, 0)
    assert (told.closing, told.net_change) == (64_800, 2_800)
    assert list(told.ages) == [37_800, 0, 0, 0, 27_000]
    assert told.rate == pytest.approx(30_000 / 37_800)
    assert told.effectiveness == pytest.approx(30_000 / 62_000)
    assert told.dso == pytest.approx(64_800 / 37_800 * 91)


def test_where_nothing_was_billed_there_is_nothing_to_measure_by(member: Member) -> None:
    owing(member, 10_000, MARCH, MARCH)
    pay(member, 4_000, MAY)
    before, quiet = report.of_each([Span(date(2026, 1, 1), date(2026, 1, 31)), SPRING])
    assert before == Figures(Span(date(2026, 1, 1), date(2026, 1, 31)))
    assert (before.rate, before.effectiveness, before.dso) == (None, None, None)
    assert (quiet.rate, quiet.dso, quiet.effectiveness) == (None, None, 0.4)


def test_old_debts_that_come_in_raise_the_rate_above_one(member: Member) -> None:
    owing(member, 30_000, MARCH, MARCH)
    owing(member, 10_000, MAY, MAY)
    pay(member, 30_000, MAY)
    assert report.of(SPRING).rate == 3.0


def test_chapters_classes_and_periods_add_up_to_the_organization(organization: Any, member: Member) -> None:
    other = factories.make_member(factories.make_chapter("BET", "Beta"), factories.make_status("senior"))
    with transaction():
        Member.here().get(other.id).pledge_class_id = PledgeClass.named(other.chapter_id, "Fall 2025").id
    owing(member, 20_000, MARCH, MARCH)
    owing(member, 10_000, MAY, JULY)
    owing(other, 7_000, MAY, MAY)
    pay(other, 2_000, MAY)

    groups = {by: report.groups(SPRING, by) for by in By}
    found = {by: {one.name: one.figures for one in its} for by, its in groups.items()}

    assert {name: its.closing for name, its in found[By.CHAPTER].items()} == {
        "Alpha Chapter": 30_000,
        "Beta": 5_000,
    }
    assert {name: its.closing for name, its in found[By.PLEDGE_CLASS].items()} == {
        "Beta, Fall 2025": 5_000,
        None: 30_000,
    }
    assert sorted(one.figures.opening for one in groups[By.PERIOD]) == [0, 0, 20_000]
    whole = report.of(SPRING)
    for each in groups.values():
        assert sum(one.figures.closing for one in each) == whole.closing
        assert sum(one.figures.collected for one in each) == whole.collected
    its_class = Member.here().get(other.id).pledge_class_id
    assert report.of(SPRING, Whose(pledge_class_id=its_class)) == found[By.PLEDGE_CLASS]["Beta, Fall 2025"]


def test_each_chapter_has_its_own_measures(member: Member) -> None:
    other = factories.make_member(factories.make_chapter("BET", "Beta"), factories.make_status("senior"))
    owing(member, 10_000, MARCH, MARCH)
    owing(other, 20_000, MARCH, MARCH)
    pay(other, 15_000, MARCH)
    found = {one.id: one.figures for one in report.groups(Span.twelve_months(date(2026, 12, 31)), By.CHAPTER)}
    assert (found[member.chapter_id].dso, found[other.chapter_id].dso) == (365, pytest.approx(365 / 4))
    assert (found[member.chapter_id].effectiveness, found[other.chapter_id].effectiveness) == (0, 0.75)
    assert report.groups(Span.twelve_months(date(2025, 1, 1)), By.CHAPTER) == []


@pytest.mark.parametrize(
    ("until", "since", "days"),
    [
        (date(2026, 12, 31), date(2026, 1, 1), 365),
        (date(2028, 2, 29), date(2027, 3, 1), 366),
        (date(2029, 2, 28), date(2028, 3, 1), 365),
        (date(2027, 2, 28), date(2026, 3, 1), 365),
        (date(2028, 2, 28), date(2027, 3, 1), 365),
        (date(2026, 4, 30), date(2025, 5, 1), 365),
        (date(2026, 8, 15), date(2025, 8, 16), 365),
    ],
)
def test_twelve_months_end_with_the_day(until: date, since: date, days: int) -> None:
    assert Span.twelve_months(until) == Span(since, until)
    assert Span(since, until).days == days
