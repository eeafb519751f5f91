"""A run does what its preview showed or nothing, and can be stopped on the way."""

import threading
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories
from tests.jobs import JobRunner
from webapp.core import audit, tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid
from webapp.core.jobs import OutboxJob
from webapp.domain import ledger
from webapp.domain.billing import batch, cancelling, confirming, run, undoing
from webapp.domain.billing.confirming import PreviewChanged
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.preview import Summary, summary
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code, Event, JournalEntry, register
from webapp.domain.organizations import Member, Organization

DAY = date(2026, 7, 1)


class Club:
    """Twelve members in two chapters and two statuses, each with a rate of its own."""

    def __init__(self) -> None:
        self.alpha, self.beta = factories.make_chapter("ALP", "Alpha"), factories.make_chapter("BET", "Beta")
        self.junior, self.senior = factories.make_status("junior"), factories.make_status("senior")
        factories.make_rate(self.junior, 20_000)
        factories.make_rate(self.senior, 30_000)
        self.members = [
            factories.make_member(chapter, status)
            for chapter in (self.alpha, self.beta)
            for status in (self.junior, self.senior)
            for _ in range(3)
        ]
        self.period = factories.make_period()


@pytest.fixture
def club(organization: Organization) -> Club:
    return Club()


def look(club: Club, dated: date = DAY) -> Summary:
    seen = summary(here(), factories.standard_schedule(), club.period, dated=dated)
    db.session.rollback()
    return seen


def here() -> factories.HereOrganization:
    return factories.HereOrganization(tenancy.organization_id())


def confirm(club: Club, seen: Summary | None, dated: date = DAY) -> BillingRun:
    with transaction():
        return confirming.confirm(
            here(), factories.standard_schedule(), club.period, dated=dated, by=None, seen=seen
        )


def one_more_joins(club: Club) -> None:
    factories.make_member(club.alpha, club.junior)


def one_leaves(club: Club) -> None:
    with transaction() as session:
        session.get_one(Member, (tenancy.organization_id(), club.members[0].id)).left_on = date(2026, 6, 1)


def a_rate_rises(club: Club) -> None:
    factories.make_rate(club.junior, 25_000)


def two_swap_their_statuses(club: Club) -> None:
    """The same count, the same total, and two members who would pay something else."""
    with transaction() as session:
        for member, status in ((club.members[0], club.senior), (club.members[3], club.junior)):
            session.get_one(Member, (tenancy.organization_id(), member.id)).status_id = status.id


def somebody_else_bills_them(club: Club) -> None:
    factories.bill(club.period)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (one_more_joins, "Invoices: 13 instead of 12."),
        (one_leaves, "Members left out: 1 instead of 0."),
        (a_rate_rises, "Total: 3300.00 USD instead of 3000.00 USD."),
        (two_swap_their_statuses, "The sums are the same"),
        (somebody_else_bills_them, "Members billed before: 12 instead of 0."),
    ],
)
def test_whatever_changed_since_the_preview_is_said_and_nobody_is_billed(
    club: Club, change: Any, said: str
) -> None:
    seen = look(club)
    change(club)
    before = len(BillingRun.here().all()), len(OutboxJob.here().all())

    with pytest.raises(PreviewChanged, match="Nobody was billed") as refused:
        confirm(club, seen)

    assert any(said in sentence for sentence in refused.value.changes)
    assert (len(BillingRun.here().all()), len(OutboxJob.here().all())) == before
    db.session.rollback()
    assert confirm(club, refused.value.now.summary).state is RunState.CONFIRMED


def test_a_preview_of_yesterday_is_asked_for_again(club: Club) -> None:
    with pytest.raises(PreviewChanged, match="as of 2026-07-02 instead of 2026-07-01"):
        confirm(club, look(club), dated=date(2026, 7, 2))


def test_what_does_not_touch_the_bill_does_not_ask_again(club: Club) -> None:
    seen = look(club)
    with transaction() as session:
        session.get_one(Member, (tenancy.organization_id(), club.members[0].id)).last_name = "Núñez-Gómez"
    assert confirm(club, seen).state is RunState.CONFIRMED


def test_the_word_for_a_preview_reads_back_and_nonsense_is_refused(club: Club) -> None:
    seen = look(club)
    assert Summary.read(str(seen)) == seen
    for nonsense in ("", "12", "a.b.c.d.e.f", f"{seen}.more"):
        with pytest.raises(Invalid):
            Summary.read(nonsense)


def begun(club: Club, *, by: Any = None) -> tuple[BillingRun, list[UUID]]:
    """A run in batches of two members, none of them billed."""
    with transaction():
        confirmed = confirming.confirm(here(), factories.standard_schedule(), club.period, dated=DAY, by=by)
    with transaction():
        run.start(confirmed.id, members_per_batch=2)
    left = list(run.batches_left(confirmed.id))
    db.session.rollback()
    return confirmed, left


def cancel(run_id: UUID, by: Any) -> None:
    with transaction():
        cancelling.cancel(BillingRun.here().get(run_id), by=by)


def state_of(run_id: UUID) -> RunState:
    db.session.rollback()
    db.session.expire_all()
    return BillingRun.open(run_id).state


def test_a_cancelled_run_bills_nobody_else_and_a_new_one_bills_the_rest(club: Club, jobs: JobRunner) -> None:
    nora = factories.make_admin("Nora")
    confirmed, left = begun(club)
    with transaction():
        batch.bill_batch(confirmed.id, left[0])

    cancel(confirmed.id, nora)
    jobs.run_all()

    assert state_of(confirmed.id) is RunState.CANCELLED
    assert len(Invoice.here().all()) == 2
    about_it = audit.AuditEntry.subject_id == confirmed.id
    said = [one.action for one in audit.AuditEntry.here().all(about_it, order_by=audit.AuditEntry.id)]
    assert said == ["confirmed", "cancelled", "billed"]
    assert factories.bill(club.period).progress().invoiced == 10
    assert sorted(one.sequence for one in Invoice.here().all()) == list(range(1, 13))


def test_a_run_cancelled_before_it_began_never_begins(club: Club, jobs: JobRunner) -> None:
    confirmed = confirm(club, None)
    cancel(confirmed.id, factories.make_admin("Nora"))
    jobs.run_all()
    assert state_of(confirmed.id) is RunState.CANCELLED
    assert Invoice.here().all() == []


def test_a_batch_that_is_being_billed_is_finished_and_then_the_run_is_over(
    app: Flask, club: Club, database: Any
) -> None:
    """It waits for its numbers, which somebody else holds, while the run is cancelled."""
    nora = factories.make_admin("Nora")
    confirmed, left = begun(club)
    with transaction():
        batch.bill_batch(confirmed.id, left[0])
    organization_id = tenancy.organization_id()

    def bill() -> None:
        with app.app_context(), tenancy.acting_for(organization_id), transaction():
            batch.bill_batch(confirmed.id, left[1])

    worker = threading.Thread(target=bill)
    with psycopg.connect(database.superuser_url) as holder:
        holder.execute("SELECT FROM number_counters FOR UPDATE")
        worker.start()
        while not holder.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).rowcount:
            worker.join(0.02)
            assert worker.is_alive()
        cancel(confirmed.id, nora)
        assert state_of(confirmed.id) is RunState.CANCELLING
        with pytest.raises(Conflict, match="being taken back"):
            confirm(club, None)
    worker.join(20)

    assert state_of(confirmed.id) is RunState.CANCELLED
    assert len(Invoice.here().all()) == 4


def test_a_batch_that_failed_while_its_run_was_cancelled_is_not_tried_again(app: Flask, club: Club) -> None:
    nora = factories.make_admin("Nora")
    confirmed, left = begun(club)
    with app.app_context(), tenancy.acting_for(tenancy.organization_id()):
        batch_row = run.BillingBatch.here().get(left[0], lock=True)
        assert batch_row.state is run.BatchState.WAITING
        threaded = threading.Thread(
            target=_cancel_elsewhere, args=(app, tenancy.organization_id(), confirmed.id, nora.id)
        )
        threaded.start()
        threaded.join(20)
        db.session.rollback()
    assert state_of(confirmed.id) is RunState.CANCELLING
    with transaction():
        batch.bill_batch(confirmed.id, left[0])
    assert state_of(confirmed.id) is RunState.CANCELLED
    assert Invoice.here().all() == []


def _cancel_elsewhere(app: Flask, organization_id: UUID, run_id: UUID, login_id: UUID) -> None:
    from webapp.domain.organizations import Login

    with app.app_context(), tenancy.acting_for(organization_id), transaction() as session:
        cancelling.cancel(BillingRun.here().get(run_id), by=session.get_one(Login, login_id))


def test_a_finished_run_is_not_cancelled_and_a_cancelled_one_is_not_cancelled_twice(club: Club) -> None:
    nora = factories.make_admin("Nora")
    done = factories.bill(club.period)
    with pytest.raises(Conflict, match="under way"):
        cancel(done.id, nora)


def test_what_a_cancelled_run_billed_can_be_undone_by_a_second_person(club: Club, jobs: JobRunner) -> None:
    nora, otto = factories.make_admin("Nora"), factories.make_admin("Otto")
    confirmed, left = begun(club, by=nora)
    with transaction():
        batch.bill_batch(confirmed.id, left[0])
    cancel(confirmed.id, nora)
    with transaction():
        undoing.request(BillingRun.open(confirmed.id), by=otto, reason="Wrong rates")
    jobs.run_all()
    assert state_of(confirmed.id) is RunState.UNDONE
    assert {one.status for one in Invoice.here().all()} == {InvoiceStatus.VOID}
    assert ledger.chapter_balance(club.alpha.id, Code.RECEIVABLE) == 0


def test_each_entry_of_an_undone_run_names_the_one_it_takes_back(club: Club, jobs: JobRunner) -> None:
    nora, otto = factories.make_admin("Nora"), factories.make_admin("Otto")
    done = factories.bill(club.period, by=nora)
    with transaction():
        undoing.request(BillingRun.open(done.id), by=otto, reason="Wrong rates")
    jobs.run_all()

    issued = JournalEntry.here().all(JournalEntry.event == Event.INVOICE_ISSUED)
    taken_back = JournalEntry.here().all(JournalEntry.event == Event.INVOICE_VOIDED)
    assert {one.reverses_id for one in taken_back} == {one.id for one in issued}
    assert all(
        entry.source_id == back.source_id
        for entry in issued
        for back in taken_back
        if back.reverses_id == entry.id
    )
    rows = register.page(register.Wanted(event=Event.INVOICE_ISSUED), 50, after=None)
    assert all(row.reversed for row in rows)
    reversed_by = register.whole(issued[0].id).reversed_by
    assert reversed_by is not None and reversed_by.description.endswith("voided")
    assert db.session.scalar(select(Invoice.void_reason).limit(1)) == "Wrong rates"


def test_a_run_is_not_undone_while_another_bills_who_came_later(club: Club) -> None:
    first = factories.bill(club.period)
    one_more_joins(club)
    confirm(club, None)
    officer = factories.make_admin()
    with pytest.raises(Conflict, match="Another run"), transaction():
        undoing.request(BillingRun.here().get(first.id, lock=True), by=officer, reason="Wrong rate")
