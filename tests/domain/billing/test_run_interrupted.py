"""Billing runs that meet each other, stop half-way or fail: nobody is billed twice, no number is lost."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.domain.billing.rosters import Roster, all_sequences, at_the_same_time, live_invoices
from tests.jobs import JobRunner
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.jobs import OutboxJob
from webapp.domain import ledger
from webapp.domain.billing import batch, confirming, numbering, run
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.organizations import Member, Organization


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
