"""Doing one thing to many invoices: choosing, looking, confirming, following, and who may."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, update

from tests import factories
from tests.jobs import JobRunner
from tests.web.world import ADMIN, AUDITOR, MEMBER, NEIGHBOUR, TREASURER, World, enter
from webapp import wiring
from webapp.core import clock, tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, OutboxJob
from webapp.domain import ledger
from webapp.domain.approvals import policy
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.bulk_actions import carrying_out
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkResult, BulkState
from webapp.domain.credits.credit_note import CreditNote, Origin
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Chapter, Member, Role, RoleName, roles
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.workers.bulk_actions import carry_out_bulk_action


@pytest.fixture
def own(world: World) -> str:
    return f"/o/{world.organization.slug}/chapters/{world.ids['chapter']}"


@pytest.fixture
def open_ones(world: World) -> list[Invoice]:
    """Five of the chapter that nothing was paid on: 100.00 each. Their mails went out long ago: to draw what
    they bring takes longer than all the rest."""
    with tenancy.acting_for(world.organization.id):
        chapter = Chapter.here().get(world.ids["chapter_id"])
        status = factories.make_status("pledge")
        people = [factories.make_member(chapter, status) for _ in range(5)]
        schedule = factories.make_invoice(10_000, member=people[0]).schedule_id
        with transaction():
            db.session.execute(delete(OutboxJob).where(OutboxJob.name == Job.ANNOUNCE.work.name))
        found = list(Invoice.here().all(Invoice.schedule_id == schedule, order_by=Invoice.sequence))
        for invoice in found:
            db.session.expunge(invoice)
        return found


def choose(client: FlaskClient, home: str, kind: str, ticked: list[Invoice]) -> str:
    """The address of the action about these invoices."""
    ids = [str(invoice.id) for invoice in ticked]
    answer = client.post(f"{home}/bulk-actions/", data={"kind": kind, "which": "ticked", "invoice": ids})
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def seen(page: str) -> str:
    found = re.search(r'name="seen"[^>]*value="([^"]*)"', page)
    assert found is not None, page
    return found[1]


def run(jobs: JobRunner) -> None:
    """All that was promised, also what waits a moment so that it can be undone."""
    jobs.skip_pauses()
    jobs.run_all()


def confirm(client: FlaskClient, address: str, **typed: str) -> None:
    answer = client.post(f"{address}confirmation", data={"seen": seen(client.get(address).text), **typed})
    assert answer.status_code == 303, answer.text


def outcomes(world: World, address: str, invoices: list[Invoice]) -> list[tuple[str, str | None]]:
    """What became of these, in their order."""
    action_id = UUID(address.rstrip("/").rpartition("/")[2])
    found = {row.invoice_id: row for row in read(world, BulkResult, BulkResult.action_id == action_id)}
    return [(found[invoice.id].outcome.value, found[invoice.id].note) for invoice in invoices]


def read(world: World, kind: Any, *conditions: Any) -> list[Any]:
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        found = kind.here().select(*conditions).order_by(kind.id)
        return list(db.session.scalars(found.execution_options(populate_existing=True)))


def statuses(world: World, invoices: list[Invoice]) -> list[InvoiceStatus]:
    ids = [invoice.id for invoice in invoices]
    found = {invoice.id: invoice.status for invoice in read(world, Invoice, Invoice.id.in_(ids))}
    return [found[row_id] for row_id in ids]


def pay(world: World, invoice: Invoice) -> None:
    with tenancy.acting_for(world.organization.id), transaction():
        member = Member.here().get(invoice.member_id)
        record_offline(member, 10_000, method=Method.CASH, on=world.organization.today, by=None)


def reminded(world: World, invoices: list[Invoice]) -> int:
    ids = [invoice.id for invoice in invoices]
    return len(read(world, Mail, Mail.kind == MailKind.REMINDER, Mail.invoice_id.in_(ids)))


def test_a_treasurer_voids_the_ticked_invoices_and_sees_what_became_of_each(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    pay(world, open_ones[1])
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "void", open_ones[:3])
    page = client.get(address).text
    assert "3 invoices are voided: $200.00 less is owed" in page
    assert "$100.00 was received for 1 of them and becomes credit notes" in page
    assert set(statuses(world, open_ones)) == {InvoiceStatus.OPEN, InvoiceStatus.PAID}, "nothing is done yet"

    confirm(client, address, reason="Billed by mistake")
    run(jobs)

    [note] = read(world, CreditNote, CreditNote.invoice_id == open_ones[1].id)
    assert (note.amount, note.origin) == (10_000, Origin.VOIDED_INVOICE)
    kept = ("done", f"What was paid is kept: {note.number}.")
    assert outcomes(world, address, open_ones[:3]) == [("done", None), kept, ("done", None)]
    assert statuses(world, open_ones) == [InvoiceStatus.VOID] * 3 + [InvoiceStatus.OPEN] * 2
    page = client.get(address).text
    assert "Finished" in page and "Billed by mistake" in page and 'hx-trigger="every' not in page
    assert [one.void_reason for one in read(world, Invoice, Invoice.id == open_ones[0].id)] == [
        "Billed by mistake"
    ]


def test_money_that_came_after_the_look_is_looked_at_before_voiding(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice]
) -> None:
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "void", open_ones[:2])
    before = seen(client.get(address).text)
    pay(world, open_ones[0])

    answer = client.post(f"{address}confirmation", data={"seen": before, "reason": "Billed by mistake"})

    assert answer.status_code == 409 and "$100.00 was received for 1 of them" in answer.text


def test_all_that_match_the_filters_of_the_list_are_meant(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    enter(client, world.logins[TREASURER])
    listed = client.get(f"{own}/invoices/?status=open&due_before=2026-12-01").text
    assert "all that match these filters" in listed

    answer = client.post(
        f"{own}/bulk-actions/?status=open&due_before=2026-12-01", data={"kind": "remind", "which": "all"}
    )

    assert "for 5 invoices, $500.00 in all" in client.get(answer.location).text
    confirm(client, answer.location)
    run(jobs)
    assert reminded(world, open_ones) == 5


def test_nothing_is_done_without_a_reason_where_one_is_needed(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "void", open_ones)

    answer = client.post(f"{address}confirmation", data={"seen": seen(client.get(address).text)})

    assert answer.status_code == 422 and "Say why" in answer.text
    run(jobs)
    assert InvoiceStatus.VOID not in statuses(world, open_ones)


def test_what_is_confirmed_is_what_was_seen(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice]
) -> None:
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "remind", open_ones)
    before = seen(client.get(address).text)
    pay(world, open_ones[0])

    answer = client.post(f"{address}confirmation", data={"seen": before})

    assert answer.status_code == 409 and "Look once more" in answer.text
    assert "for 4 invoices, $400.00" in answer.text
    assert client.post(f"{address}confirmation", data={"seen": seen(answer.text)}).status_code == 303


@pytest.mark.case("K32")
def test_who_paid_after_it_was_confirmed_is_left_out(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "remind", open_ones[:2])
    confirm(client, address)
    pay(world, open_ones[0])

    run(jobs)

    assert outcomes(world, address, open_ones[:2]) == [("left_out", "Nothing is owed on it."), ("done", None)]
    assert reminded(world, open_ones) == 1


@pytest.mark.case("K21")
def test_one_that_is_refused_stops_no_other_and_can_be_tried_again(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    close_books_of_today(world)
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "void", open_ones[:2])
    confirm(client, address, reason="Billed by mistake")
    run(jobs)
    assert [outcome for outcome, _ in outcomes(world, address, open_ones[:2])] == ["refused", "refused"]
    failures = client.get(f"{address}?format=csv&outcome=refused").text
    assert failures.count("The books are closed") == 2

    open_books(world)
    assert client.post(f"{address}retry").status_code == 303
    run(jobs)

    assert outcomes(world, address, open_ones[:2]) == [("done", None)] * 2
    assert statuses(world, open_ones[:2]) == [InvoiceStatus.VOID] * 2


def close_books_of_today(world: World) -> None:
    today = world.organization.today
    with tenancy.acting_for(world.organization.id), transaction():
        ledger.close_span(today, today, by=None)


def open_books(world: World) -> None:
    with tenancy.acting_for(world.organization.id), transaction():
        for span in ledger.ClosedSpan.here().all(ledger.ClosedSpan.ends_on == world.organization.today):
            span.reopen(by=None, reason="They were closed too early")


def test_done_twice_it_is_done_once(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    """The same job again, the same confirmation again, and the same action chosen again."""
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "remind", open_ones)
    typed = {"seen": seen(client.get(address).text), "form_key": "one"}
    first, second = (client.post(f"{address}confirmation", data=typed) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    run(jobs)
    carry_out_again(world, address)
    again = choose(client, own, "remind", open_ones)

    assert reminded(world, open_ones) == 5
    assert "every one of the chosen invoices is left out" in client.get(again).text
    assert client.post(f"{address}confirmation", data={"seen": ",:5,50000"}).status_code == 409


def carry_out_again(world: World, address: str) -> None:
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        carry_out_bulk_action(UUID(address.rstrip("/").rpartition("/")[2]))


def test_mail_waits_a_moment_and_can_be_undone(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "remind", open_ones)
    confirm(client, address)
    jobs.run_all()
    page = client.get(address).text
    assert "Undo</button>" in page and "leave in a few seconds" in page

    assert client.post(f"{address}cancellation").status_code == 303
    run(jobs)

    assert reminded(world, open_ones) == 0
    assert {outcome for outcome, _ in outcomes(world, address, open_ones)} == {"cancelled"}
    assert "Cancelled" in client.get(address).text
    assert client.post(f"{address}cancellation").status_code == 409


def test_invoices_are_sent_again_to_the_address_of_now(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    run(jobs)
    with tenancy.acting_for(world.organization.id), transaction():
        Member.here().get(open_ones[0].member_id, lock=True).email = "new@members.example.org"
        Member.here().get(open_ones[1].member_id, lock=True).email = None
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "send_again", open_ones[:3])
    confirm(client, address)
    run(jobs)

    assert outcomes(world, address, open_ones[:3]) == [
        ("done", None),
        ("left_out", "There is no email address."),
        ("done", None),
    ]
    [mail] = read(world, Mail, Mail.kind == MailKind.INVOICE, Mail.invoice_id == open_ones[0].id)
    assert mail.recipient == "new@members.example.org"


def test_adjusting_shows_what_it_does_before_it_can_be_confirmed(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    let_adjust_alone(world, up_to=5_000)
    pay(world, open_ones[0])
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "adjust", open_ones[:3])
    typed = {
        "adjustment": "waiver",
        "amount": "25.00",
        "reason": "The roof leaked",
        "seen": seen(client.get(address).text),
    }

    shown = client.post(f"{address}confirmation", data=typed)

    assert (
        shown.status_code == 200
        and "Waiver of $25.00 on each of 2 invoices: $50.00 less is owed" in shown.text
    )
    run(jobs)
    assert read(world, Adjustment, Adjustment.invoice_id == open_ones[1].id) == [], "nothing is done yet"
    assert client.post(f"{address}confirmation", data={**typed, "seen": seen(shown.text)}).status_code == 303
    run(jobs)
    assert outcomes(world, address, open_ones[1:3]) == [("done", None)] * 2
    assert [one.owed for one in read(world, Invoice, Invoice.id == open_ones[1].id)] == [7_500]


def test_an_adjustment_above_the_limit_waits_for_a_second_person(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    let_adjust_alone(world, up_to=1_000)
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "adjust", open_ones[:1])
    typed = {"adjustment": "hardship", "amount": "", "reason": "Lost their job", "seen": "x"}
    shown = client.post(f"{address}confirmation", data=typed).text
    assert "Hardship of all that is owed on each of 1 invoice: $100.00 less" in shown
    client.post(f"{address}confirmation", data={**typed, "seen": seen(shown)})
    run(jobs)

    assert outcomes(world, address, open_ones[:1]) == [("done", "It waits for a second person's approval.")]
    assert [one.owed for one in read(world, Invoice, Invoice.id == open_ones[0].id)] == [10_000]


def test_what_adjusting_needs_is_asked_for(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice]
) -> None:
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "adjust", open_ones)
    for typed, said in (
        ({}, "Choose what kind"),
        ({"adjustment": "fee", "reason": "Late"}, "Enter what is added"),
        ({"adjustment": "waiver", "reason": "Why", "amount": "0"}, "Enter more than zero"),
        ({"adjustment": "waiver", "reason": "Why", "amount": "ten"}, "ten"),
        ({"adjustment": "gift", "reason": "Why"}, "Not a valid choice"),
    ):
        answer = client.post(f"{address}confirmation", data=typed)
        assert answer.status_code == 422 and said in answer.text, typed


def let_adjust_alone(world: World, *, up_to: int) -> None:
    place = policy.Place(RoleName.TREASURER, policy.Action.ADJUSTMENT, policy.Right.ALONE)
    with tenancy.acting_for(world.organization.id), transaction():
        policy.set_limit(place, up_to, by=world.logins[ADMIN])


def test_the_ticked_invoices_are_exported_with_the_columns_of_the_list(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice]
) -> None:
    enter(client, world.logins[TREASURER])

    file = client.get(choose(client, own, "export", open_ones[:2])).text

    assert [invoice.number in file for invoice in open_ones] == [True, True, False, False, False]
    assert file.startswith("number,member_number,")


@pytest.mark.case("A4")
def test_a_role_that_was_taken_away_since_does_nothing_more(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "void", open_ones[:1])
    confirm(client, address, reason="Billed by mistake")
    with tenancy.acting_for(world.organization.id), transaction():
        for role in Role.here().all(Role.login_id == world.logins[TREASURER].id):
            roles.remove(role, by=world.logins[ADMIN])

    run(jobs)

    name = world.logins[TREASURER].name
    assert outcomes(world, address, open_ones[:1]) == [("refused", f"{name} may not do this any more.")]


@pytest.mark.case("A1", "A4")
def test_who_may_not_is_offered_nothing_and_can_not(
    client: FlaskClient, world: World, elsewhere: World, own: str, open_ones: list[Invoice]
) -> None:
    national = f"/o/{world.organization.slug}/national"
    enter(client, world.logins[AUDITOR])
    for home in (own, national):
        assert "Continue</button>" not in client.get(f"{home}/invoices/").text
        answer = client.post(f"{home}/bulk-actions/", data={"kind": "void", "which": "all"})
        assert answer.status_code == 403
    for who, status in ((NEIGHBOUR, 403), (MEMBER, 404), (None, 303)):
        enter(client, world.logins[who] if who else None)
        answer = client.post(f"{own}/bulk-actions/", data={"kind": "void", "which": "all"})
        assert answer.status_code == status, who
    enter(client, elsewhere.logins[ADMIN])
    assert client.post(f"{national}/bulk-actions/", data={"kind": "void", "which": "all"}).status_code == 404


@pytest.mark.case("A1", "A3")
def test_a_treasurer_reaches_no_invoice_and_no_action_of_another_chapter(
    client: FlaskClient, world: World, open_ones: list[Invoice]
) -> None:
    enter(client, world.logins[ADMIN])
    national = f"/o/{world.organization.slug}/national"
    of_the_office = choose(client, national, "remind", open_ones)
    enter(client, world.logins[NEIGHBOUR])
    theirs = f"/o/{world.organization.slug}/chapters/BET"

    ids = [str(invoice.id) for invoice in open_ones]
    data = {"kind": "void", "which": "ticked", "invoice": ids, "chapter_id": str(world.ids["chapter_id"])}
    answer = client.post(f"{theirs}/bulk-actions/", data=data)

    assert "/invoices/" in answer.location, "none of them is there"
    action_id = of_the_office.rstrip("/").rpartition("/")[2]
    for path in ("", "invoices.csv"):
        assert client.get(f"{theirs}/bulk-actions/{action_id}/{path}").status_code == 404
    assert client.post(f"{theirs}/bulk-actions/{action_id}/confirmation").status_code == 404


def test_what_nobody_confirmed_is_forgotten_after_a_day(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice]
) -> None:
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "void", open_ones)
    with tenancy.acting_for(world.organization.id), transaction() as session:
        long_ago = clock.now() - timedelta(days=2)
        session.execute(update(BulkAction).values(created_at=long_ago))

    choose(client, own, "remind", open_ones)

    assert client.get(address).status_code == 404
    assert len(read(world, BulkAction, BulkAction.state == BulkState.CHOSEN)) == 1


@pytest.mark.case("F2")
def test_a_worker_that_dies_half_way_leaves_nothing_twice_and_nobody_out(
    client: FlaskClient, world: World, own: str, open_ones: list[Invoice], jobs: JobRunner
) -> None:
    """Its first two are done, then its process ends; the job begins again from what is written down."""
    enter(client, world.logins[TREASURER])
    address = choose(client, own, "void", open_ones)
    confirm(client, address, reason="Billed by mistake")
    with tenancy.acting_for(world.organization.id):
        action_id = UUID(address.rstrip("/").rpartition("/")[2])
        for result_id in carrying_out.waiting(action_id)[:2]:
            db.session.rollback()
            with transaction():
                carrying_out.carry_out(result_id, wiring.links())

    run(jobs)

    assert outcomes(world, address, open_ones) == [("done", None)] * 5
    voided = read(world, AuditEntry, AuditEntry.action == "voided")
    assert len(voided) == len({entry.subject_id for entry in voided}) == 5
    assert [one.state for one in read(world, BulkAction, BulkAction.id == action_id)] == [BulkState.FINISHED]
