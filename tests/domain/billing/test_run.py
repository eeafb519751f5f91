"""Billing runs: every billable member exactly once, whatever happens on the way."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.jobs import JobRunner
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, NotAllowed
from webapp.core.jobs import OutboxJob
from webapp.domain import ledger
from webapp.domain.billing import batch, confirming, numbering, run, settings, undoing
from webapp.domain.billing.assessing import Omission
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.run import BillingOmission, BillingRun, RunState
from webapp.domain.billing.schedules import Basis, ScheduleKind
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code
from webapp.domain.organizations import Chapter, Member, MemberStatus, Organization


def live_invoices() -> list[Invoice]:
    found = (
        Invoice.here().select(Invoice.status != InvoiceStatus.VOID).order_by(Invoice.year, Invoice.sequence)
    )
    return list(db.session.scalars(found.execution_options(populate_existing=True)))


def all_sequences() -> list[int]:
    found = select(Invoice.sequence).where(Invoice.organization_id == tenancy.organization_id())
    return list(db.session.scalars(found.order_by(Invoice.sequence)))


def add_members(chapter: Chapter, status: MemberStatus, how_many: int, **changes: object) -> None:
    first = db.session.scalar(select(func.count()).select_from(Member)) or 0
    db.session.rollback()
    with transaction() as session:
        session.add_all(
            Member(
                number=f"M{first + place:06d}",
                first_name="Ana",
                last_name=f"Núñez {place}",
                chapter_id=chapter.id,
                status_id=status.id,
                joined_on=date(2025, 9, 1),
                **changes,
            )
            for place in range(how_many)
        )


class Roster:
    """1,357 members in two chapters: several rates, one lower in one chapter, and some pay nothing."""

    expected_total = 500 * 40_000 + 200 * 35_000 + 500 * 5_000
    expected_billed = 1_200

    def __init__(self) -> None:
        alpha, beta = factories.make_chapter("ALP", "Alpha"), factories.make_chapter("BET", "Beta")
        undergraduate, alumnus = factories.make_status("undergraduate"), factories.make_status("alumnus")
        retiree = factories.make_status("retiree", billable=False)
        honorary = factories.make_status("honorary")
        factories.make_rate(undergraduate, 40_000)
        factories.make_rate(undergraduate, 35_000, chapter=beta)
        factories.make_rate(alumnus, 5_000)
        factories.make_rate(honorary, 0)
        add_members(alpha, undergraduate, 500)
        add_members(beta, undergraduate, 200)
        add_members(alpha, alumnus, 300)
        add_members(beta, alumnus, 200)
        add_members(alpha, retiree, 100)
        add_members(beta, honorary, 30)
        add_members(alpha, alumnus, 20, left_on=date(2026, 1, 31))
        add_members(alpha, undergraduate, 7)
        with transaction() as session:
            late = Member.number >= "M001350"
            session.execute(update(Member).where(late).values(joined_on=date(2026, 9, 1)))
        self.alpha, self.beta, self.undergraduate, self.retiree = alpha, beta, undergraduate, retiree


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


@pytest.mark.case("K34")
def test_an_interrupted_run_is_finished_by_its_jobs_without_billing_twice(
    organization: Organization, jobs: JobRunner
) -> None:
    roster, period = Roster(), factories.make_period()
    with transaction():
        confirmed = confirming.confirm(
            organization, factories.standard_schedule(), period, dated=date(2026, 7, 1), by=None
        )
    with transaction():
        run.start(confirmed.id, members_per_batch=200)
    first, second = run.batches_left(confirmed.id)[:2]
    db.session.rollback()
    with transaction():
        batch.bill_batch(confirmed.id, first)
    with pytest.raises(RuntimeError), transaction():
        batch.bill_batch(confirmed.id, second)
        raise RuntimeError("the worker is killed before its commit")

    jobs.run_all()

    assert len(live_invoices()) == roster.expected_billed
    assert all_sequences() == list(range(1, roster.expected_billed + 1))
    assert BillingRun.open(confirmed.id).state is RunState.DONE


def test_each_batch_is_announced_once(organization: Organization) -> None:
    Roster()
    done = factories.bill(factories.make_period(), members_per_batch=700)
    announced = OutboxJob.here().all(OutboxJob.name == "announce")
    assert len(announced) == done.batches == 2
    assert {job.arguments["what"] for job in announced} == {"invoices_issued"}


@pytest.mark.case("K11")
def test_two_runs_started_at_once_become_one(app: Flask, organization: Organization) -> None:
    Roster()
    period_id = factories.make_period().id
    db.session.rollback()
    ids: list[UUID] = []

    def press() -> None:
        here = factories.HereOrganization(tenancy.organization_id())
        with transaction():
            period = BillingPeriod.here().get(period_id)
            confirmed = confirming.confirm(
                here, factories.standard_schedule(), period, dated=date(2026, 7, 1), by=None
            )
            ids.append(confirmed.id)

    at_the_same_time(app, organization, [press, press])

    assert len(ids) == 2
    assert ids[0] == ids[1]


@pytest.mark.case("K11")
def test_batches_on_two_connections_give_unique_numbers_without_a_gap(
    app: Flask, organization: Organization
) -> None:
    roster, period = Roster(), factories.make_period()
    roof = factories.make_schedule("Roof fund", amount=1_000)
    work: list[tuple[UUID, UUID]] = []
    for schedule in (factories.standard_schedule(), roof):
        with transaction():
            confirmed = confirming.confirm(organization, schedule, period, dated=date(2026, 7, 1), by=None)
        with transaction():
            run.start(confirmed.id, members_per_batch=200)
        work += [(confirmed.id, batch_id) for batch_id in run.batches_left(confirmed.id)]
        db.session.rollback()

    def worker(part: list[tuple[UUID, UUID]]) -> Callable[[], None]:
        def bill() -> None:
            for run_id, batch_id in part:
                with transaction():
                    batch.bill_batch(run_id, batch_id)

        return bill

    at_the_same_time(app, organization, [worker(work[0::2] + work[:3]), worker(work[1::2])])

    assert {done.state for done in BillingRun.here().all()} == {RunState.DONE}
    assert len(live_invoices()) == roster.expected_billed + 1_230
    assert all_sequences() == list(range(1, roster.expected_billed + 1_230 + 1))


@pytest.mark.case("K11")
def test_a_number_that_was_taken_in_an_undone_transaction_is_given_again(organization: Organization) -> None:
    with pytest.raises(RuntimeError), transaction():
        numbering.take(2026, 10)
        raise RuntimeError
    with transaction():
        assert numbering.take(2026, 2) == 1
    with transaction():
        assert (numbering.take(2026, 1), numbering.take(2027, 1)) == (3, 1)
    assert numbering.number_text(2026, 123) == "2026-000123"
    assert numbering.number_text(2026, 12_345_678) == "2026-12345678"


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


@pytest.mark.case("K3")
def test_a_member_who_changes_chapter_between_two_batches_is_billed_once(organization: Organization) -> None:
    roster, period = Roster(), factories.make_period()
    with transaction():
        confirmed = confirming.confirm(
            organization, factories.standard_schedule(), period, dated=date(2026, 7, 1), by=None
        )
    with transaction():
        run.start(confirmed.id, members_per_batch=400)
    for batch_id in run.batches_left(confirmed.id):
        db.session.rollback()
        with transaction():
            batch.bill_batch(confirmed.id, batch_id)
        with transaction() as session:
            session.execute(
                update(Member)
                .where(Member.chapter_id == roster.alpha.id, Member.number < "M000700")
                .values(chapter_id=roster.beta.id)
            )

    invoices = live_invoices()
    assert len(invoices) == len({invoice.member_id for invoice in invoices}) == roster.expected_billed


@pytest.mark.case("K24")
def test_a_line_that_was_waived_is_not_billed_again_but_a_voided_one_is(organization: Organization) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    waived, voided = factories.make_member(chapter, status), factories.make_member(chapter, status)
    factories.make_rate(status, 40_000)
    period = factories.make_period()
    factories.bill(period)
    admin = factories.make_admin()
    with transaction() as session:
        session.execute(
            update(Invoice)
            .where(Invoice.member_id == waived.id)
            .values(adjusted=40_000, status=InvoiceStatus.WAIVED)
        )
        [invoice] = Invoice.here().all(Invoice.member_id == voided.id)
        invoice.void(by=admin, reason="Billed to the wrong person", on=date(2026, 7, 2))

    again = factories.bill(period, dated=date(2026, 7, 3))

    assert again.progress().invoiced == 1
    assert [one.member_id for one in live_invoices()].count(waived.id) == 1
    assert [one.member_id for one in live_invoices()].count(voided.id) == 1
    assert all_sequences() == [1, 2, 3]
    with transaction() as session:
        session.execute(
            update(Invoice)
            .where(Invoice.member_id == waived.id)
            .values(adjusted=0, status=InvoiceStatus.OPEN)
        )


def test_voiding_takes_the_invoice_out_of_the_books(organization: Organization) -> None:
    invoice = factories.make_invoice(12_345)
    with transaction():
        Invoice.here().get(invoice.id).void(by=None, reason="Wrong member", on=date(2026, 7, 2))

    assert ledger.member_balance(invoice.member_id, Code.RECEIVABLE) == 0
    assert Invoice.here().get(invoice.id).owed == 0
    assert [job.arguments for job in OutboxJob.here().all(OutboxJob.name == "close_checkout")] == [
        {"invoice_id": str(invoice.id)}
    ]


def test_a_paid_invoice_is_not_voided(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    with pytest.raises(Conflict, match="Money was received"), transaction():
        paid = Invoice.here().get(invoice.id)
        paid.receive(1, on=date(2026, 7, 2))
        paid.void(by=None, reason="Wrong", on=date(2026, 7, 2))


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


def test_undoing_a_run_voids_every_invoice_with_one_reason(
    organization: Organization, jobs: JobRunner
) -> None:
    roster, period = Roster(), factories.make_period()
    nora, otto = factories.make_admin("Nora"), factories.make_admin("Otto")
    done = factories.bill(period, by=nora, members_per_batch=500)
    with transaction():
        undoing.request(BillingRun.open(done.id), by=otto, reason="Wrong rates")

    jobs.run_all()

    undone = BillingRun.open(done.id)
    db.session.refresh(undone)
    assert undone.state is RunState.UNDONE
    assert live_invoices() == []
    reasons = db.session.scalars(select(Invoice.void_reason).distinct()).all()
    assert reasons == ["Wrong rates"]
    assert ledger.chapter_balance(roster.alpha.id, Code.RECEIVABLE) == 0
    assert ledger.chapter_balance(roster.alpha.id, Code.DUES_INCOME) == 0

    factories.bill(period)
    assert [invoice.sequence for invoice in live_invoices()] == list(range(1_201, 2_401))


def test_whoever_asked_for_a_run_does_not_undo_it(organization: Organization) -> None:
    nora = factories.make_admin("Nora")
    done = factories.bill(factories.make_period(), by=nora)
    with pytest.raises(NotAllowed, match="Somebody else"), transaction():
        undoing.request(BillingRun.open(done.id), by=nora, reason="Wrong rates")
    with pytest.raises(IntegrityError, match="undone_by_a_second_person"), transaction() as session:
        session.execute(update(BillingRun).values(undone_by_id=nora.id))


def test_a_run_of_which_something_is_paid_is_not_undone(organization: Organization, jobs: JobRunner) -> None:
    Roster()
    nora, otto = factories.make_admin("Nora"), factories.make_admin("Otto")
    done = factories.bill(factories.make_period(), by=nora)
    with transaction():
        undoing.request(BillingRun.open(done.id), by=otto, reason="Wrong rates")
    with transaction():
        Invoice.here().get(live_invoices()[7].id).set_processing(True)

    jobs.run_all()

    kept = BillingRun.open(done.id)
    db.session.refresh(kept)
    assert kept.state is RunState.DONE
    assert kept.error is not None
    assert len(live_invoices()) == 1_200
    with pytest.raises(Conflict), transaction():
        undoing.request(BillingRun.open(done.id), by=otto, reason="Wrong rates")


def test_a_failing_batch_leaves_no_gap_and_is_tried_again(
    organization: Organization, jobs: JobRunner
) -> None:
    roster, period = Roster(), factories.make_period()
    with transaction():
        ledger.close_span(date(2026, 7, 1), date(2026, 7, 1), by=None)
    with transaction():
        confirming.confirm(
            organization, factories.standard_schedule(), period, dated=date(2026, 7, 1), by=None
        )
    jobs.run_all()
    [waiting] = BillingRun.here().all()
    assert waiting.state is RunState.RUNNING
    assert "closed" in str(waiting.stuck_jobs()[0].last_error)

    with transaction():
        ledger.ClosedSpan.here().all()[0].reopen(by=None, reason="A check was found")
    jobs.skip_pauses()
    jobs.run_all()

    assert all_sequences() == list(range(1, roster.expected_billed + 1))


def test_every_line_has_a_reason_and_every_omission_its_member(organization: Organization) -> None:
    Roster()
    factories.bill(factories.make_period())
    assert not db.session.scalar(select(func.count()).where(InvoiceLine.reason_id.is_(None)))
    assert db.session.scalar(select(func.count()).select_from(BillingOmission)) == 157


def test_the_database_has_the_last_word_about_double_billing(organization: Organization) -> None:
    invoice = factories.make_invoice()
    copied = [column.name for column in Invoice.__table__.c if column.name not in ("id", "sequence", "owed")]
    columns = ", ".join(copied)
    with pytest.raises(IntegrityError, match="uq_invoices_one_live"), transaction() as session:
        session.execute(
            text(
                f"INSERT INTO invoices (id, sequence, {columns})"
                f" SELECT gen_random_uuid(), 99, {columns} FROM invoices WHERE id = :id"
            ),
            {"id": invoice.id},
        )


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


def at_the_same_time(app: Flask, organization: Organization, works: list[Callable[[], None]]) -> None:
    """Each on a connection of its own, beginning together."""
    db.session.rollback()
    begin, failures, organization_id = (
        threading.Barrier(len(works), timeout=10),
        list[BaseException](),
        organization.id,
    )
    db.session.rollback()

    def go(work: Callable[[], None]) -> None:
        with app.app_context(), tenancy.acting_for(organization_id):
            try:
                begin.wait()
                work()
            except BaseException as failure:
                failures.append(failure)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=go, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
