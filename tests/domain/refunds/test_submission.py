from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import update

from tests.domain.refunds.conftest import Desk
from tests.processor import Shop, fresh
from webapp.core.db import db, new_id, transaction
from webapp.core.jobs import OutboxJob
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code, Event, JournalEntry
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Member
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.refunds.refund import Refund, RefundState
from webapp.workers import refunds as work


def state_of(refund: Refund) -> RefundState:
    found: Refund = fresh(Refund, refund.id)
    return found.state


def rest_is_over() -> None:
    with transaction():
        db.session.execute(update(PaymentProcessor).values(rests_until=None))


@pytest.mark.case("F21")
@pytest.mark.case("K2")
def test_an_answer_that_got_lost_is_asked_for_again_and_one_refund_is_made(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 5_000)
    shop.sandbox.fault("server_error", method="POST", path="/v1/refunds", carried_out=True, count=2)
    shop.work()
    waiting = fresh(Refund, asked.refund.id)
    assert (waiting.state, waiting.asked_at is not None) == (RefundState.RELEASED, True)
    assert fresh(Payment, payment.id).reserved == 5_000
    rest_is_over()
    shop.work_later()
    assert state_of(asked.refund) is RefundState.SUCCEEDED
    assert len(shop.sandbox.objects("refund")) == 1
    assert fresh(Payment, payment.id).returned == 5_000


@pytest.mark.case("F21")
def test_a_webhook_that_comes_before_our_own_answer_finds_our_refund(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 5_000)
    shop.sandbox.fault("server_error", method="POST", path="/v1/refunds", carried_out=True, count=2)
    shop.work()
    rest_is_over()
    shop.hear()
    assert [one.id for one in Refund.here().all()] == [asked.refund.id]
    assert state_of(asked.refund) is RefundState.SUCCEEDED
    shop.work_later()
    assert len(shop.sandbox.objects("refund")) == 1
    assert fresh(Payment, payment.id).returned == 5_000


def test_the_job_done_twice_refunds_once(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 5_000)
    db.session.rollback()
    for _ in range(2):
        work.submit_refund(asked.refund.id)
    assert len(shop.sandbox.objects("refund")) == 1
    assert len(JournalEntry.here().all(JournalEntry.event == Event.REFUND)) == 1


def test_a_database_that_forgot_that_it_asked_finds_the_refund_of_before(shop: Shop, desk: Desk) -> None:
    """As after a restore, when the idempotency key is too old to help."""
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 5_000)
    shop.sandbox.fault("server_error", method="POST", path="/v1/refunds", carried_out=True, count=2)
    shop.work()
    shop.sandbox.advance(2 * 86_400)
    rest_is_over()
    shop.work_later()
    assert len(shop.sandbox.objects("refund")) == 1
    assert state_of(asked.refund) is RefundState.SUCCEEDED


def test_what_the_processor_refuses_has_failed_and_holds_nothing(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 5_000)
    shop.refund(40_000)
    shop.work()
    refund = fresh(Refund, asked.refund.id)
    assert (refund.state, "already been refunded" in str(refund.note)) == (RefundState.FAILED, True)
    shop.hear()
    assert (fresh(Payment, payment.id).returned, fresh(Payment, payment.id).reserved) == (40_000, 0)


@pytest.mark.case("K12")
def test_a_refund_under_way_is_looked_at_every_day_until_it_ends(shop: Shop, desk: Desk) -> None:
    shop.sandbox.settings(refund_course="pending_then_succeeded", refund_delay=None)
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 5_000)
    shop.work()
    assert state_of(asked.refund) is RefundState.PENDING
    assert fresh(Invoice, invoice.id).refunded == 0
    [look] = [job for job in OutboxJob.here().all() if job.name == "look_up_refund"]
    assert look.due_at > look.created_at + timedelta(hours=23)
    shop.sandbox.act(shop.latest("refund")["id"], "settlement")
    shop.work_later()
    assert state_of(asked.refund) is RefundState.SUCCEEDED
    assert fresh(Payment, payment.id).returned == 5_000


def test_the_member_is_told_when_it_is_on_its_way_and_when_it_has_arrived(shop: Shop, desk: Desk) -> None:
    shop.sandbox.settings(refund_course="pending_then_succeeded", refund_delay=None)
    invoice = shop.owed()
    payment = shop.paid(invoice)
    desk.ask(invoice, payment, 5_000, reinstates_debt=True)
    shop.work()
    shop.sandbox.act(shop.latest("refund")["id"], "settlement")
    for _ in range(2):
        shop.hear()
    told = Mail.here().all(Mail.kind == MailKind.REFUND, order_by=Mail.id)
    assert [mail.details["what"] for mail in told] == ["submitted", "arrived"]
    assert {mail.recipient for mail in told} == {fresh(Member, shop.member_id).email}


_STEPS = ("answer", "refund.created", "refund.updated", "refund.failed")


@pytest.mark.case("K12")
@pytest.mark.case("F18")
@pytest.mark.parametrize("course", ["pending_then_failed", "succeeded_then_failed"])
@pytest.mark.parametrize("first", _STEPS)
def test_a_refund_that_fails_ends_the_same_in_any_order_of_events(
    shop: Shop, free_hand: Desk, course: str, first: str
) -> None:
    """All orders that begin with `first`; our own answer is one of the steps, and each comes twice."""
    shop.sandbox.settings(refund_course=course, refund_delay=None)
    rest = [step for step in _STEPS if step != first]
    for order in permutations(rest):
        invoice = shop.owed(1_000)
        payment = shop.paid(invoice)
        shop.delivered.update(event["id"] for event in shop.events())
        asked = free_hand.ask(invoice, payment, 1_000, reinstates_debt=True)
        _go_through(shop, asked.refund, [first, *order])
        assert state_of(asked.refund) is RefundState.FAILED, order
        back = fresh(Payment, payment.id)
        assert (back.returned, back.reserved, back.allocated) == (0, 0, 1_000), order
        assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID, order
    assert shop.balance(Code.REFUNDS) == shop.balance(Code.RECEIVABLE) == 0


def _go_through(shop: Shop, refund: Refund, steps: list[str]) -> None:
    """The processor makes it, its answer to us is lost, it fails there, and then we hear of all that."""
    shop.sandbox.fault("server_error", method="POST", path="/v1/refunds", carried_out=True, count=2)
    db.session.rollback()
    shop.work()
    made = shop.latest("refund")
    assert made["metadata"]["refund_id"] == str(refund.id)
    half = [event for event in shop.events() if event["id"] not in shop.delivered]
    for position, step in enumerate(steps):
        if position == 2:
            shop.sandbox.act(made["id"], "failure")
        _hear(shop, step, half)
    shop.delivered.update(event["id"] for event in half)
    rest_is_over()
    shop.work_later()
    shop.hear()


def _hear(shop: Shop, step: str, half: list[dict[str, object]]) -> None:
    rest_is_over()
    if step == "answer":
        shop.work_later()
        return
    for event in [one for one in shop.events(step) if one["id"] not in shop.delivered]:
        for _ in range(2):
            assert shop.deliver(event) == 200
    shop.work()


def test_a_refund_of_a_payment_without_a_page_of_ours_is_heard_of(shop: Shop, desk: Desk) -> None:
    """As a payment that a saved card made: nothing but its own name leads to it."""
    payment = shop.paid(shop.owed())
    _forget_page(payment)
    shop.refund(10_000)
    shop.hear()
    [refund] = Refund.here().all()
    assert (refund.state, refund.amount) == (RefundState.SUCCEEDED, 10_000)
    assert fresh(Payment, payment.id).returned == 10_000


def _forget_page(payment: Payment) -> None:
    with transaction():
        db.session.delete(Checkout.here().all(Checkout.payment_id == payment.id)[0])


@pytest.mark.case("F23")
@pytest.mark.parametrize("reinstates_debt", [False, True])
def test_a_refund_that_fails_later_is_reversed_even_when_somebody_else_has_paid_meanwhile(
    shop: Shop, desk: Desk, reinstates_debt: bool
) -> None:
    shop.sandbox.settings(refund_course="succeeded_then_failed", refund_delay=None)
    invoice = shop.owed()
    payment = shop.paid(invoice)
    desk.ask(invoice, payment, 5_000, reinstates_debt=reinstates_debt)
    shop.work()
    if reinstates_debt:
        shop.record(fresh(Invoice, invoice.id), 5_000)
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    back, settled = fresh(Payment, payment.id), fresh(Invoice, invoice.id)
    assert (settled.status, settled.owed) == (InvoiceStatus.PAID, 0)
    kept = 5_000 if reinstates_debt else 0
    assert (back.returned, back.allocated, back.credited) == (0, 40_000 - kept, kept)
    assert shop.balance(Code.CREDIT_NOTES) == kept
    assert shop.balance(Code.REFUNDS) == 0


def test_a_refund_named_by_somebody_else_s_program_is_taken_for_one_made_there(shop: Shop) -> None:
    payment = shop.paid(shop.owed())
    for name in ("not an id", str(new_id())):
        shop.refund_named(shop.latest("charge")["id"], 1_000, name)
    shop.hear()
    assert fresh(Payment, payment.id).returned == 2_000
    assert {refund.requested_by_id for refund in Refund.here().all()} == {None}
