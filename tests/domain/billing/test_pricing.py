"""Rates, shares, late joiners, dates: what each member pays, and how a line answers why."""

import itertools
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text
from sqlalchemy.orm import joinedload

from tests import factories
from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing import explaining, overdue, pay_link, periods, preview, rates
from webapp.domain.billing.assessing import Occasion, Omission, assessed
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.rates import DuesRate
from webapp.domain.billing.schedules import AssessmentSchedule, Basis
from webapp.domain.billing.settings import Cadence, DuesSettings
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import Member, Organization

A_DAY = date(2026, 7, 1)


def amounts_by_number() -> dict[str, int]:
    rows = select(Member.number, Invoice.billed).join(Invoice, Invoice.member_id == Member.id)
    return dict(tuple(row) for row in db.session.execute(rows.where(Invoice.status != InvoiceStatus.VOID)))


def lines() -> list[InvoiceLine]:
    found = InvoiceLine.here().select().options(joinedload(InvoiceLine.reason))
    return list(db.session.scalars(found))


def test_the_most_specific_rate_wins_on_the_first_day_of_the_period(organization: Organization) -> None:
    alpha, beta = factories.make_chapter("ALP"), factories.make_chapter("BET")
    status, other = factories.make_status("undergraduate"), factories.make_status("alumnus")
    factories.make_rate(status, 40_000, starts_on=date(2026, 1, 1))
    factories.make_rate(status, 45_000, starts_on=date(2026, 7, 2))
    factories.make_rate(status, 30_000, chapter=beta, starts_on=date(2026, 7, 1))
    for number, chapter, which in (("A", alpha, status), ("B", beta, status), ("C", beta, other)):
        factories.make_member(chapter, which, number=number)
    with transaction():
        DuesSettings.of(organization).change(by=None, default_amount=12_300)

    factories.bill(factories.make_period())

    assert amounts_by_number() == {"A": 40_000, "B": 30_000, "C": 12_300}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def test_whether_a_member_has_an_invoice_is_looked_up_by_the_member_however_old_the_statistics_are(
    organization: Organization,
) -> None:
    """Else a batch looks through all invoices of a new organization for each of its members."""
    status = factories.make_status()
    factories.make_member(factories.make_chapter(), status)
    settings_now = DuesSettings.of(organization)
    occasion = Occasion(factories.standard_schedule(), factories.make_period(), A_DAY, settings_now)
    asked = select(assessed(occasion)).compile(db.engine, compile_kwargs={"literal_binds": True})
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    [found] = db.session.execute(text(f"EXPLAIN (FORMAT JSON) {asked}")).scalar_one()
    looked_up = [node for node in nodes(found["Plan"]) if node.get("Relation Name") == "invoices"]
    assert looked_up and all("member_id = members.id" in node.get("Index Cond", "") for node in looked_up)


def test_a_new_rate_ends_the_old_one_the_day_before(organization: Organization) -> None:
    status = factories.make_status()
    old = factories.make_rate(status, 40_000)
    factories.make_rate(status, 45_000, starts_on=date(2026, 7, 1))
    db.session.refresh(old)
    assert old.effective_to == date(2026, 6, 30)
    assert [
        rates.current_rate(status.id, None, day).amount for day in (date(2026, 6, 30), date(2026, 7, 1))
    ] == [40_000, 45_000]
    with pytest.raises(Invalid) as refused:
        factories.make_rate(status, 1, starts_on=date(2026, 6, 1))
    assert "This overlaps the rate that applies from 2026-07-01." in refused.value.fields["starts_on"]


def test_the_same_rate_again_corrects_its_amount(organization: Organization) -> None:
    status = factories.make_status()
    factories.make_rate(status, 40_000)
    factories.make_rate(status, 41_000)
    assert [rate.amount for rate in DuesRate.here().all()] == [41_000]


House = tuple[UUID, UUID, BillingPeriod, AssessmentSchedule]


@pytest.fixture
def house(organization: Organization) -> House:
    """One chapter, status, period and assessment by share, for all the examples of one test."""
    roof = factories.make_schedule("Roof", basis=Basis.SHARE, amount=1)
    return factories.make_chapter().id, factories.make_status().id, factories.make_period(), roof


@pytest.mark.case("K7")
@pytest.mark.case("K26")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    total=st.integers(min_value=1, max_value=10_000_000),
    shares=st.lists(st.decimals(min_value="0", max_value="99", places=4), min_size=1, max_size=12),
)
def test_the_database_divides_a_total_as_money_does(
    organization: Organization, house: House, total: int, shares: list[Decimal]
) -> None:
    chapter, status, period, schedule = house
    with transaction() as session:
        session.execute(delete(Member))
        schedule = session.merge(schedule)
        schedule.amount = total
        session.add_all(
            Member(
                number=f"U{place:03d}",
                first_name="",
                last_name="Owner",
                chapter_id=chapter,
                status_id=status,
                ownership_share=share,
            )
            for place, share in enumerate(shares)
        )
    found = assessed(Occasion(schedule, period, A_DAY, DuesSettings.of(organization)))
    rows = db.session.execute(select(found.c.amount, found.c.omitted).order_by(found.c.member_number)).all()
    db.session.rollback()

    expected = money.split(total, shares) if any(shares) else [0] * len(shares)
    assert [amount for amount, _ in rows] == expected
    assert {omitted for (_, omitted), share in zip(rows, shares, strict=True) if not share} <= {
        Omission.NO_SHARE
    }


@pytest.mark.case("K7")
def test_a_voided_share_is_billed_again_and_the_parts_still_sum_to_the_total(
    organization: Organization,
) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    members = [
        factories.make_member(chapter, status, number=f"U{place}", ownership_share=Decimal("1.5625"))
        for place in range(7)
    ]
    factories.make_member(chapter, status, ownership_share=None)
    period, roof = factories.make_period(), factories.make_schedule("Roof", basis=Basis.SHARE, amount=100_000)
    factories.bill(period, roof)
    assert sum(amounts_by_number().values()) == 100_000
    with transaction():
        [wrong] = Invoice.here().all(Invoice.member_id == members[0].id)
        wrong.void(by=None, reason="Sold", on=A_DAY)
    with transaction():
        Member.here().get(members[0].id).left_on = date(2026, 6, 30)
    factories.make_member(chapter, status, number="NEW", ownership_share=Decimal("1.5625"))

    again = factories.bill(period, roof)

    assert amounts_by_number()["NEW"] == 14_286
    assert sum(amounts_by_number().values()) == 100_000
    assert again.omissions() == {Omission.LEFT: 1, Omission.NO_SHARE: 1}


@pytest.mark.case("K25")
@pytest.mark.parametrize(
    ("joined_on", "amount"),
    [
        (date(2026, 9, 1), 30_000),
        (date(2026, 8, 31), 30_000),
        (date(2026, 9, 2), 29_000),
        (date(2026, 9, 16), 15_000),
        (date(2026, 9, 30), 1_000),
    ],
)
def test_a_late_joiner_pays_for_the_days_that_are_left_the_first_included(
    organization: Organization, joined_on: date, amount: int
) -> None:
    status = factories.make_status()
    factories.make_member(factories.make_chapter(), status, number="A", joined_on=joined_on)
    factories.make_rate(status, 30_000)
    period = factories.make_period("2026-09", starts_on=date(2026, 9, 1), ends_on=date(2026, 9, 30))
    with transaction():
        DuesSettings.of(organization).change(by=None, prorate_late_joiners=True)

    factories.bill(period, dated=date(2026, 9, 30))

    assert amounts_by_number() == {"A": amount}


def test_late_joiners_pay_the_whole_where_nothing_else_was_decided(organization: Organization) -> None:
    status = factories.make_status()
    factories.make_member(factories.make_chapter(), status, number="A", joined_on=date(2026, 12, 1))
    factories.make_rate(status, 30_000)
    factories.bill(factories.make_period(), dated=date(2026, 12, 1))
    assert amounts_by_number() == {"A": 30_000}


@pytest.mark.case("K8")
@pytest.mark.parametrize("cadence", [one for one in Cadence if one is not Cadence.CUSTOM])
@pytest.mark.parametrize("year", [2024, 2026])
def test_a_year_is_cut_without_gaps_and_month_ends_stay_month_ends(cadence: Cadence, year: int) -> None:
    cut = periods.spans(cadence, year)
    assert (cut[0].starts_on, cut[-1].ends_on) == (date(year, 1, 1), date(year, 12, 31))
    for before, after in itertools.pairwise(cut):
        assert (after.starts_on - before.ends_on).days == 1
    assert len({span.code for span in cut}) == len(cut)


def test_period_codes_are_the_ones_that_are_promised() -> None:
    codes = {cadence: [one.code for one in periods.spans(cadence, 2026)] for cadence in list(Cadence)[:4]}
    assert codes[Cadence.MONTHLY][8] == "2026-09"
    assert codes[Cadence.QUARTERLY][2] == "2026-Q3"
    assert codes[Cadence.SEMESTER] == ["2026-spring", "2026-fall"]
    assert codes[Cadence.ANNUAL] == ["2026"]


def test_a_period_that_still_runs_is_not_closed(organization: Organization) -> None:
    period, admin = factories.make_period(), factories.make_admin()
    with pytest.raises(Conflict, match="runs until 2026-12-31"), transaction():
        BillingPeriod.here().get(period.id).close(by=admin, on=date(2026, 12, 31))


def test_invoices_become_overdue_the_day_after_their_grace(organization: Organization) -> None:
    invoice = factories.make_invoice()
    for day, marked, status in (
        (date(2026, 8, 15), 0, InvoiceStatus.OPEN),
        (date(2026, 8, 16), 1, InvoiceStatus.OVERDUE),
        (date(2026, 8, 17), 0, InvoiceStatus.OVERDUE),
    ):
        with transaction():
            assert overdue.mark_overdue(organization, day) == marked
        db.session.refresh(invoice)
        assert invoice.status is status


def test_money_moves_an_invoice_through_its_states(organization: Organization) -> None:
    invoice_id = factories.make_invoice(10_000).id
    with transaction():
        invoice = Invoice.here().get(invoice_id)
        invoice.receive(4_000, on=A_DAY)
        assert (invoice.status, invoice.owed) == (InvoiceStatus.PARTIAL, 6_000)
        invoice.receive(6_000, on=A_DAY)
        assert (invoice.status, invoice.owed) == (InvoiceStatus.PAID, 0)
        with pytest.raises(Invalid, match="more than is still owed"):
            invoice.receive(1, on=A_DAY)
        invoice.give_back(1_000, on=A_DAY, reinstates_debt=False)
        assert (invoice.status, invoice.owed) == (InvoiceStatus.REFUNDED, 0)
        invoice.give_back(2_000, on=A_DAY, reinstates_debt=True)
        assert (invoice.status, invoice.owed) == (InvoiceStatus.PARTIAL, 2_000)
        invoice.release(7_000, on=date(2026, 9, 1))
        assert (invoice.status, invoice.owed) == (InvoiceStatus.OVERDUE, 9_000)
        db.session.rollback()


def test_a_line_answers_why_it_is_owed(organization: Organization) -> None:
    alpha, status = factories.make_chapter("ALP", "Alpha"), factories.make_status("undergraduate")
    nora = factories.make_admin("Nora Admin")
    factories.make_rate(status, 35_000, chapter=alpha, by=nora, starts_on=date(2026, 1, 1))
    factories.make_member(alpha, status)
    factories.bill(factories.make_period(), by=nora)

    [line] = lines()
    told = explaining.why(line)

    assert told[0] == "Alpha charges $350.00 for the status “Undergraduate”."
    assert "from January 1, 2026" in told[1]
    assert "set by Nora Admin" in told[1]
    assert "July 1, 2026" in told[1]
    assert "was “Undergraduate”, and Nora Admin confirmed the billing" in told[2]


def test_a_share_answers_with_the_total_and_the_share(organization: Organization) -> None:
    factories.make_member(
        factories.make_chapter(), factories.make_status(), ownership_share=Decimal("1.5625")
    )
    factories.bill(factories.make_period(), factories.make_schedule("Roof", basis=Basis.SHARE, amount=10_000))
    [line] = lines()
    assert explaining.why(line)[0] == "$100.00 is divided by ownership share; yours is 1.5625."


def test_a_preview_counts_compares_and_points_at_what_stands_out(organization: Organization) -> None:
    chapter, status = factories.make_chapter(), factories.make_status("undergraduate")
    dear = factories.make_status("officer")
    for _ in range(5):
        factories.make_member(chapter, status)
    factories.make_member(chapter, dear, number="DEAR")
    factories.make_member(chapter, factories.make_status("retiree", billable=False))
    factories.make_rate(status, 10_000)
    factories.make_rate(dear, 10_000)
    factories.bill(
        factories.make_period("2026-spring", starts_on=date(2026, 1, 1), ends_on=date(2026, 6, 30))
    )
    factories.make_rate(dear, 50_000, starts_on=date(2026, 7, 1))

    seen = preview.preview(organization, factories.standard_schedule(), factories.make_period(), dated=A_DAY)

    assert (seen.billed.count, seen.billed.total, seen.last.total) == (6, 100_000, 60_000)
    assert seen.by_status["Officer"].total == 50_000
    assert seen.omitted == {Omission.STATUS_NOT_BILLABLE: 1}
    assert [(one.number, one.amount, one.last) for one in seen.outliers] == [("DEAR", 50_000, 10_000)]


def test_a_pay_link_opens_its_own_invoice_only(organization: Organization) -> None:
    invoice = factories.make_invoice()
    token = pay_link.token(invoice, "a secret")
    assert pay_link.read(token, "a secret") == (invoice.id, 1)
    assert pay_link.read(token, "another secret") is None
    assert pay_link.read(token[:-1] + ("A" if token[-1] != "A" else "B"), "a secret") is None
    assert pay_link.read("", "a secret") is None
    assert pay_link.read("not a token ✓", "a secret") is None
