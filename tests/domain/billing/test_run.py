"""Billing runs: every billable member exactly once, and what they are billed."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.domain.billing.rosters import Roster, add_members, all_sequences, live_invoices
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict
from webapp.domain import ledger
from webapp.domain.billing import settings
from webapp.domain.billing.assessing import Omission
from webapp.domain.billing.invoice import InvoiceLine
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.run import BillingOmission, RunState
from webapp.domain.billing.schedules import Basis, ScheduleKind
from webapp.domain.ledger import Code
from webapp.domain.organizations import Member, Organization


@pytest.mark.case("K34")
def test_every_billable_member_of_a_roster_is_billed_exactly_once(organization: Organization) -> None:
    roster = Roster()

    done = factories.bill(factories.make_period(), members_per_batch=250)

    invoices = live_invoices()
    assert len(invoices) == len({invoice.member_id for invoice in invoices}) == roster.expected_billed
    assert [invoice.sequence for invoice in invoices] == list(range(1, roster.expected_billed + 1))
    assert sum(invoice.billed for invoice in invoices) == roster.expected_total
    assert invoices[0].number == "2026-000001"
    progress = done.progress()
    assert (progress.invoiced, progress.total, progress.done) == (1_200, roster.expected_total, 1_357)
    assert done.state is RunState.DONE
    assert done.omissions() == {
        Omission.STATUS_NOT_BILLABLE: 100,
        Omission.ZERO_AMOUNT: 30,
        Omission.LEFT: 20,
        Omission.NOT_YET_JOINED: 7,
    }


def test_the_books_show_what_was_billed_per_chapter_and_member(organization: Organization) -> None:
    roster = Roster()
    factories.bill(factories.make_period())

    assert ledger.chapter_balance(roster.beta.id, Code.RECEIVABLE) == 200 * 35_000 + 200 * 5_000
    assert ledger.chapter_balance(roster.beta.id, Code.DUES_INCOME) == 200 * 35_000 + 200 * 5_000
    invoice = live_invoices()[0]
    assert ledger.member_balance(invoice.member_id, Code.RECEIVABLE) == invoice.billed
    assert ledger.entry_for(invoice.id, ledger.Event.INVOICE_ISSUED) is not None


@pytest.mark.case("K34")
def test_running_again_bills_only_those_who_joined_since(organization: Organization) -> None:
    roster, period = Roster(), factories.make_period()
    factories.bill(period)
    add_members(roster.alpha, roster.undergraduate, 3)

    again = factories.bill(period)

    assert again.progress().invoiced == 3
    assert again.progress().already == roster.expected_billed
    assert all_sequences() == list(range(1, roster.expected_billed + 4))


@pytest.mark.case("K3")
def test_who_pays_is_what_was_true_when_the_run_looked(organization: Organization) -> None:
    alpha, beta = factories.make_chapter("ALP", "Alpha"), factories.make_chapter("BET", "Beta")
    status = factories.make_status("undergraduate")
    member = factories.make_member(alpha, status, first_name="Ana", last_name="Núñez", address="1 Elm St")
    factories.make_rate(status, 40_000)
    period = factories.make_period()
    factories.bill(period)

    with transaction():
        moved = Member.here().get(member.id)
        moved.chapter_id, moved.last_name, moved.address = beta.id, "Ortiz", "2 Oak St"
    factories.bill(period)

    [invoice] = live_invoices()
    assert invoice.chapter_id == alpha.id
    assert invoice.bill_to == {
        "name": "Ana Núñez",
        "address": "1 Elm St",
        "member_number": member.number,
        "status": "Undergraduate",
        "chapter": "Alpha",
    }


@pytest.mark.case("K7")
def test_a_share_of_the_dues_belongs_to_the_chapter_to_the_cent(organization: Organization) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    add_members(chapter, status, 3)
    schedule = factories.make_schedule(
        "Chapter dues", kind=ScheduleKind.REGULAR_DUES, amount=3_333, chapter_percent=Decimal("12.5")
    )
    factories.bill(factories.make_period(), schedule)

    assert [invoice.chapter_part for invoice in live_invoices()] == [417, 417, 417]
    assert ledger.chapter_balance(chapter.id, Code.DUE_TO_CHAPTERS) == 3 * 417
    assert ledger.chapter_balance(chapter.id, Code.DUES_INCOME) == 3 * (3_333 - 417)


def test_a_closed_period_bills_nobody(organization: Organization) -> None:
    period, admin = factories.make_period("2025", ends_on=date(2026, 8, 1)), factories.make_admin()
    with transaction():
        BillingPeriod.here().get(period.id).close(by=admin, on=date(2026, 8, 2))
    with pytest.raises(Conflict, match="is closed"):
        factories.bill(BillingPeriod.here().get(period.id))


def test_late_joiners_get_as_many_days_to_pay_as_everybody_else(organization: Organization) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    factories.make_member(chapter, status)
    factories.make_rate(status, 1_000)
    factories.bill(factories.make_period(), dated=date(2026, 10, 5))

    [invoice] = live_invoices()
    assert (invoice.issued_on, invoice.due_on) == (date(2026, 10, 5), date(2026, 11, 4))
    assert invoice.grace_ends_on == invoice.due_on + timedelta(days=15)


def test_every_line_has_a_reason_and_every_omission_its_member(organization: Organization) -> None:
    Roster()
    factories.bill(factories.make_period())
    assert not db.session.scalar(select(func.count()).where(InvoiceLine.reason_id.is_(None)))
    assert db.session.scalar(select(func.count()).select_from(BillingOmission)) == 157


def test_settings_are_there_once_however_often_they_are_opened(organization: Organization) -> None:
    with transaction():
        settings.open_standard()
    assert len(settings.DuesSettings.here().all()) == 1


def test_a_schedule_by_share_goes_in_one_batch(organization: Organization) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    add_members(chapter, status, 7, ownership_share=Decimal("1.5625"))
    schedule = factories.make_schedule("Roof", basis=Basis.SHARE, amount=100_000)
    done = factories.bill(factories.make_period(), schedule, members_per_batch=2)
    assert done.batches == 1
    assert sorted(invoice.billed for invoice in live_invoices()) == [14_285] * 2 + [14_286] * 5
