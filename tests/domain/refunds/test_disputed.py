"""Refunds and disputes of the same payment, at once and one after the other."""

from threading import Barrier, Thread

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from tests.domain.refunds.conftest import Desk
from tests.processor import Shop, fresh
from webapp import at_processor
from webapp.core import tenancy
from webapp.core.db import db
from webapp.core.errors import Conflict, Refusal
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import Code
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.disputes import Dispute, PaymentDisputed
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds.refund import How, Refund, RefundState


@pytest.mark.case("K13")
@pytest.mark.parametrize("how", list(How))
def test_no_officer_refunds_what_the_bank_disputes(shop: Shop, free_hand: Desk, how: How) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    shop.sandbox.act(shop.latest("charge")["id"], "dispute", amount=1_000)
    shop.hear()
    with pytest.raises(PaymentDisputed, match="nothing of it can be refunded now"):
        free_hand.ask(invoice, payment, 5_000, how=how)
    assert Refund.here().all() == []


@pytest.mark.case("K30")
@pytest.mark.case("K13")
def test_a_refund_that_waits_is_not_approved_while_the_payment_is_disputed(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 30_000)
    shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    shop.hear()
    with pytest.raises(PaymentDisputed):
        desk.approve(asked)
    held = fresh(Payment, payment.id)
    assert (held.returned, held.reserved) == (0, 40_000)
    desk.deny(asked)
    shop.sandbox.act(shop.latest("dispute")["id"], "loss")
    shop.hear()
    assert (fresh(Payment, payment.id).returned, fresh(Payment, payment.id).reserved) == (40_000, 0)


@pytest.mark.case("K13")
@pytest.mark.case("F16")
@pytest.mark.parametrize("how", list(How))
def test_a_refund_that_waits_gives_way_to_the_dispute_that_is_lost(shop: Shop, desk: Desk, how: How) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 30_000, how=how)
    shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    shop.sandbox.act(shop.latest("dispute")["id"], "loss")
    shop.hear()
    assert fresh(Refund, asked.refund.id).state is RefundState.WITHDRAWN
    gone = fresh(Payment, payment.id)
    assert (gone.returned, gone.reserved, gone.allocated) == (40_000, 0, 0)
    assert (fresh(Invoice, invoice.id).owed, shop.balance(Code.BAD_DEBT)) == (40_000, 0)
    with pytest.raises(Conflict):
        desk.approve(asked)


@pytest.mark.case("F24")
def test_a_refund_that_the_processor_refuses_lets_us_hear_of_the_lost_dispute(
    shop: Shop, free_hand: Desk
) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = free_hand.ask(invoice, payment, 30_000)
    shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    shop.sandbox.act(shop.latest("dispute")["id"], "loss")
    shop.work()
    assert fresh(Refund, asked.refund.id).state is RefundState.FAILED
    gone = fresh(Payment, payment.id)
    assert (gone.returned, gone.reserved) == (40_000, 0)
    assert (fresh(Invoice, invoice.id).owed, shop.balance(Code.BAD_DEBT)) == (40_000, 0)


@pytest.mark.case("F16")
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(amounts=st.lists(st.integers(1, 25_000), min_size=7, max_size=7), lost=st.booleans())
def test_seven_officers_and_a_dispute_at_once_never_give_back_more_than_was_paid(
    app: Flask, shop: Shop, free_hand: Desk, amounts: list[int], lost: bool
) -> None:
    db.session.rollback()
    shop.sandbox.reset()
    invoice = shop.owed()
    payment = shop.paid(invoice)
    [checkout_id] = [one.id for one in Checkout.here().all(Checkout.payment_id == payment.id)]
    opened = shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    begin = Barrier(8)

    def at_once(position: int) -> None:
        with app.app_context(), tenancy.acting_for(shop.organization.id):
            begin.wait()
            try:
                if position == 7:
                    at_processor.look_up(checkout_id)
                else:
                    how = How.CHECK if position % 3 == 0 else How.ORIGINAL
                    free_hand.ask(invoice, payment, amounts[position], how=how)
            except Refusal:
                pass
            finally:
                db.session.remove()

    threads = [Thread(target=at_once, args=(position,)) for position in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = fresh(Payment, payment.id)
    assert held.returned + held.reserved == 40_000
    factories.verify_books(shop.organization)
    shop.sandbox.act(opened["id"], "loss" if lost else "win")
    shop.hear()
    shop.work_later()
    mine = Refund.payment_id == payment.id
    by_check = sum(one.amount for one in Refund.here().all(mine, Refund.state == RefundState.SUCCEEDED))
    [dispute] = Dispute.here().all(Dispute.payment_id == payment.id)
    db.session.refresh(dispute)
    assert dispute.taken == (40_000 - by_check if lost else 0)
    assert fresh(Payment, payment.id).returned == by_check + dispute.taken
    factories.verify_books(shop.organization)
