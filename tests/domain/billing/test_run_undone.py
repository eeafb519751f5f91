"""Billing taken back: one invoice, or all of a run."""

from datetime import date

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.domain.billing.rosters import Roster, all_sequences, live_invoices
from tests.jobs import JobRunner
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, NotAllowed
from webapp.core.jobs import OutboxJob
from webapp.domain import ledger
from webapp.domain.billing import undoing
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code
from webapp.domain.organizations import Organization


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
