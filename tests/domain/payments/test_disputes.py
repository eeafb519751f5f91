"""Payments that the payer's bank contests or takes back, whatever the order in which we hear of it."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from tests.processor import TODAY, Shop, fresh
from webapp.core.db import db, transaction
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, Direction
from webapp.domain.billing.invoice import Invoice, InvoiceStatus
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.spreading import only
from webapp.domain.credits.applying import apply
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.ledger import Code
from webapp.domain.payments.disputes import (
    Dispute,
    DisputeEntry,
    EntryKind,
    PaymentDisputed,
    refuse_while_disputed,
)
from webapp.domain.payments.gateway import DisputeKind, DisputeState
from webapp.domain.payments.payment import Payment

FEE = 1_500
KEPT = 1_190
DEBIT_KEPT = 320


def disputed(shop: Shop, **values: Any) -> dict[str, Any]:
    return shop.sandbox.act(shop.latest("charge")["id"], "dispute", **values)


def the_dispute() -> Dispute:
    found = Dispute.here().select().execution_options(populate_existing=True)
    return db.session.scalars(found).one()


def books(shop: Shop) -> dict[Code, int]:
    codes = (
        Code.PROCESSOR_CLEARING,
        Code.RECEIVABLE,
        Code.DISPUTED_PAYMENTS,
        Code.UNAPPLIED_RECEIPTS,
        Code.CREDIT_NOTES,
        Code.DISPUTE_FEES,
        Code.BAD_DEBT,
        Code.REFUNDS,
    )
    return {code: held for code in codes if (held := shop.balance(code))}


def test_an_opened_dispute_takes_the_money_and_a_fee_and_leaves_the_invoice_paid(shop: Shop) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    disputed(shop, reason="product_not_received")
    shop.hear()
    dispute = the_dispute()
    assert (dispute.state, dispute.kind) == (DisputeState.NEEDS_RESPONSE, DisputeKind.CHARGEBACK)
    assert (dispute.amount, dispute.withdrawn, dispute.fee, dispute.lost) == (40_000, 40_000, FEE, 0)
    assert dispute.reason == "product_not_received" and dispute.answer_by is not None
    assert fresh(Payment, payment.id).reserved == 40_000
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    assert books(shop) == {
        Code.PROCESSOR_CLEARING: -KEPT - FEE,
        Code.DISPUTED_PAYMENTS: 40_000,
        Code.DISPUTE_FEES: FEE,
    }


def test_a_won_dispute_brings_the_money_back_and_not_the_fee(shop: Shop) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    shop.sandbox.act(disputed(shop)["id"], "win")
    shop.hear()
    dispute = the_dispute()
    assert (dispute.state, dispute.withdrawn, dispute.lost) == (DisputeState.WON, 0, 0)
    assert (fresh(Payment, payment.id).reserved, fresh(Invoice, invoice.id).owed) == (0, 0)
    assert books(shop) == {Code.PROCESSOR_CLEARING: 40_000 - KEPT - FEE, Code.DISPUTE_FEES: FEE}


@pytest.mark.case("K31")
def test_a_fee_that_the_processor_gives_back_is_taken_out_of_the_books_once(shop: Shop) -> None:
    shop.paid(shop.owed())
    shop.sandbox.act(disputed(shop)["id"], "win", fee_returned=True)
    shop.hear()
    for event in shop.events("charge.dispute.closed", "charge.dispute.funds_reinstated"):
        shop.deliver(event)
    shop.work()
    assert the_dispute().fee == 0
    assert books(shop) == {Code.PROCESSOR_CLEARING: 40_000 - KEPT}


def test_a_lost_dispute_makes_the_debt_owed_again(shop: Shop) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    shop.sandbox.act(disputed(shop)["id"], "loss")
    shop.hear()
    dispute = the_dispute()
    assert (dispute.state, dispute.lost, dispute.taken) == (DisputeState.LOST, 40_000, 40_000)
    back = fresh(Payment, payment.id)
    assert (back.allocated, back.returned, back.reserved) == (0, 40_000, 0)
    owing = fresh(Invoice, invoice.id)
    assert (owing.status, owing.owed, owing.is_payable) == (InvoiceStatus.OPEN, 40_000, True)
    assert books(shop) == {
        Code.PROCESSOR_CLEARING: -KEPT - FEE,
        Code.RECEIVABLE: 40_000,
        Code.DISPUTE_FEES: FEE,
    }


def test_what_is_owed_again_can_be_paid_again(shop: Shop) -> None:
    invoice = shop.owed()
    shop.paid(invoice)
    shop.sandbox.act(disputed(shop)["id"], "loss")
    shop.hear()
    again = shop.paid(fresh(Invoice, invoice.id))
    assert again.allocated == 40_000
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID


def test_an_inquiry_moves_no_money_and_a_refund_stays_possible(shop: Shop) -> None:
    payment = shop.paid(shop.owed())
    disputed(shop, inquiry=True)
    shop.hear()
    assert the_dispute().state is DisputeState.INQUIRY
    assert fresh(Payment, payment.id).reserved == 0
    refuse_while_disputed(fresh(Payment, payment.id))
    shop.refund(40_000)
    shop.hear()
    assert fresh(Payment, payment.id).returned == 40_000
    assert books(shop) == {Code.PROCESSOR_CLEARING: -KEPT, Code.REFUNDS: 40_000}


def test_an_inquiry_can_end_quietly_or_become_a_dispute(shop: Shop) -> None:
    shop.paid(shop.owed())
    inquiry = disputed(shop, inquiry=True)
    shop.hear()
    shop.sandbox.act(inquiry["id"], "escalation")
    shop.hear()
    assert the_dispute().state is DisputeState.NEEDS_RESPONSE
    assert books(shop)[Code.DISPUTED_PAYMENTS] == 40_000
    shop.paid(shop.owed())
    quiet = disputed(shop, inquiry=True)
    shop.sandbox.act(quiet["id"], "win")
    shop.hear()
    [closed] = Dispute.here().all(Dispute.reference == quiet["id"])
    assert closed.state is DisputeState.INQUIRY_CLOSED


def test_a_part_that_is_disputed_leaves_the_rest_alone(shop: Shop) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    shop.sandbox.act(disputed(shop, amount=15_000)["id"], "loss")
    shop.hear()
    back = fresh(Payment, payment.id)
    assert (back.allocated, back.returned) == (25_000, 15_000)
    owing = fresh(Invoice, invoice.id)
    assert (owing.status, owing.owed) == (InvoiceStatus.PARTIAL, 15_000)


def test_a_lost_dispute_that_is_won_on_appeal_settles_the_invoice_again(shop: Shop) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    opened = disputed(shop)
    shop.sandbox.act(opened["id"], "loss")
    shop.hear()
    shop.sandbox.act(opened["id"], "appeal")
    shop.hear()
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    assert fresh(Payment, payment.id).reserved == 40_000
    shop.sandbox.act(opened["id"], "win")
    shop.hear()
    back = fresh(Payment, payment.id)
    assert (back.allocated, back.returned, back.reserved) == (40_000, 0, 0)
    assert books(shop) == {Code.PROCESSOR_CLEARING: 40_000 - KEPT - FEE, Code.DISPUTE_FEES: FEE}


def test_money_of_an_appeal_that_is_not_needed_any_more_is_kept(shop: Shop) -> None:
    invoice = shop.owed()
    shop.paid(invoice)
    opened = disputed(shop)
    shop.sandbox.act(opened["id"], "loss")
    shop.hear()
    shop.record(fresh(Invoice, invoice.id), 40_000)
    shop.sandbox.act(opened["id"], "appeal")
    shop.sandbox.act(opened["id"], "win")
    shop.hear()
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    assert shop.balance(Code.UNAPPLIED_RECEIPTS) + shop.balance(Code.CREDIT_NOTES) == 40_000


@pytest.mark.case("F24")
def test_a_chargeback_after_a_refund_credits_nobody_twice(shop: Shop) -> None:
    """Both gave the money back: only what the payment still held is owed again, the rest is lost to us."""
    invoice = shop.owed()
    payment = shop.paid(invoice)
    shop.refund(30_000)
    shop.hear()
    shop.sandbox.act(disputed(shop)["id"], "loss")
    shop.hear()
    dispute = the_dispute()
    assert (dispute.lost, dispute.taken) == (40_000, 10_000)
    assert fresh(Payment, payment.id).returned == 40_000
    assert fresh(Invoice, invoice.id).owed == 10_000
    assert books(shop) == {
        Code.PROCESSOR_CLEARING: -KEPT - FEE - 30_000,
        Code.RECEIVABLE: 10_000,
        Code.DISPUTE_FEES: FEE,
        Code.BAD_DEBT: 30_000,
        Code.REFUNDS: 30_000,
    }


@pytest.mark.case("F24")
def test_a_refund_that_fails_after_the_chargeback_brings_the_debt_back_instead_of_the_loss(
    shop: Shop,
) -> None:
    shop.sandbox.settings(refund_course="succeeded_then_failed", refund_delay=None)
    invoice = shop.owed()
    payment = shop.paid(invoice)
    shop.refund(30_000)
    shop.hear()
    shop.sandbox.act(disputed(shop)["id"], "loss")
    shop.hear()
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    assert fresh(Payment, payment.id).returned == 40_000
    assert fresh(Invoice, invoice.id).owed == 40_000
    assert books(shop) == {
        Code.PROCESSOR_CLEARING: -KEPT - FEE,
        Code.RECEIVABLE: 40_000,
        Code.DISPUTE_FEES: FEE,
    }


@pytest.mark.case("K13")
def test_nothing_is_refunded_while_the_payment_is_disputed(shop: Shop) -> None:
    payment = shop.paid(shop.owed())
    opened = disputed(shop, amount=10_000)
    shop.hear()
    with pytest.raises(PaymentDisputed, match="disputes this payment"):
        refuse_while_disputed(fresh(Payment, payment.id))
    shop.sandbox.act(opened["id"], "win")
    shop.hear()
    refuse_while_disputed(fresh(Payment, payment.id))


@pytest.mark.case("K13")
def test_a_refund_under_way_and_a_dispute_never_take_more_than_was_paid(shop: Shop) -> None:
    shop.sandbox.settings(refund_course="pending_then_failed", refund_delay=None)
    invoice = shop.owed()
    payment = shop.paid(invoice)
    shop.refund(30_000)
    shop.hear()
    opened = disputed(shop)
    shop.hear()
    assert (the_dispute().held, fresh(Payment, payment.id).reserved) == (10_000, 40_000)
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.sandbox.act(opened["id"], "loss")
    shop.hear()
    back = fresh(Payment, payment.id)
    assert (back.returned, back.reserved, fresh(Invoice, invoice.id).owed) == (40_000, 0, 40_000)
    assert shop.balance(Code.BAD_DEBT) == 0


KINDS = (
    "checkout.session.completed",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.closed",
)


@pytest.mark.case("F18")
@pytest.mark.case("K6")
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_events_of_a_lost_dispute_in_any_order_and_twice_end_in_the_same_state(
    shop: Shop, order: Sequence[int]
) -> None:
    """Also before the payment itself is known."""
    invoice = shop.owed()
    shop.pay(shop.open(invoice))
    shop.sandbox.act(disputed(shop)["id"], "loss")
    told = {event["type"]: event for event in shop.events(*KINDS)}
    for place in [*order, *order]:
        assert shop.deliver(told[KINDS[place]]) == 200
        shop.work()
    assert (the_dispute().state, fresh(Invoice, invoice.id).owed) == (DisputeState.LOST, 40_000)
    assert [entry.kind for entry in DisputeEntry.here().all(order_by=DisputeEntry.id)] == [
        EntryKind.WITHDRAWN,
        EntryKind.LOST,
    ]
    assert books(shop) == {
        Code.PROCESSOR_CLEARING: -KEPT - FEE,
        Code.RECEIVABLE: 40_000,
        Code.DISPUTE_FEES: FEE,
    }


def test_credit_notes_made_of_a_lost_payment_are_taken_back(shop: Shop) -> None:
    """Also one that was used for another invoice: that is owed again as well."""
    invoice = shop.owed()
    checkout = shop.open(invoice)
    payment_id = checkout.payment_id
    shop.pay(checkout)
    shop.record(fresh(Invoice, invoice.id), 25_000)
    shop.hear()
    [note] = CreditNote.here().all()
    other = shop.owed(10_000)
    with transaction():
        apply(note.id, only(other), on=TODAY, by=None)
    shop.sandbox.act(disputed(shop)["id"], "loss")
    shop.hear()
    back = fresh(Payment, payment_id)
    assert (back.allocated, back.credited, back.returned) == (0, 0, 40_000)
    assert (fresh(Invoice, invoice.id).owed, fresh(Invoice, other.id).owed) == (15_000, 10_000)
    assert shop.balance(Code.CREDIT_NOTES) == shop.balance(Code.UNAPPLIED_RECEIPTS) == 0


@pytest.mark.case("K5")
@pytest.mark.parametrize("told_as", ["return", "failure"])
def test_a_bank_debit_that_comes_back_after_it_was_paid_is_owed_again(shop: Shop, told_as: str) -> None:
    invoice = shop.owed()
    payment = debited(shop, invoice)
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    shop.sandbox.act(shop.latest("charge")["id"], told_as)
    shop.hear()
    dispute = the_dispute()
    assert (dispute.kind, dispute.state) == (DisputeKind.RETURNED_DEBIT, DisputeState.LOST)
    assert (fresh(Payment, payment.id).returned, fresh(Invoice, invoice.id).owed) == (40_000, 40_000)
    assert fresh(Invoice, invoice.id).is_payable
    assert "payment_failed" not in shop.announced()


@pytest.mark.case("K5")
@pytest.mark.parametrize("told_as", ["return", "failure"])
def test_a_bank_debit_may_come_back_before_we_know_that_it_was_paid(shop: Shop, told_as: str) -> None:
    invoice = shop.owed()
    shop.pay(shop.open(invoice), "bank_waits")
    shop.sandbox.act(shop.latest("payment_intent")["id"], "settlement")
    shop.sandbox.act(shop.latest("charge")["id"], told_as)
    first = "charge.dispute.created" if told_as == "return" else "charge.failed"
    shop.hear(first)
    assert fresh(Invoice, invoice.id).owed == 40_000
    assert the_dispute().taken == 40_000
    shop.hear()
    assert len(DisputeEntry.here().all()) == 2


def debited(shop: Shop, invoice: Invoice) -> Payment:
    """Paid by bank debit, and settled."""
    checkout = shop.open(invoice)
    payment_id = checkout.payment_id
    shop.pay(checkout, "bank_waits")
    shop.hear()
    shop.sandbox.act(shop.latest("payment_intent")["id"], "settlement")
    shop.hear()
    return fresh(Payment, payment_id)


@pytest.mark.case("K5")
@pytest.mark.case("K29")
def test_a_returned_debit_costs_its_fee_once_if_the_organization_asks_for_one(shop: Shop) -> None:
    """However often we hear of it; the fee raises what is owed, and what it does stands in words."""
    with transaction():
        DuesSettings.of(shop.organization).change(by=None, returned_debit_fee=2_500)
    invoice = shop.owed()
    debited(shop, invoice)
    shop.sandbox.act(shop.latest("charge")["id"], "return")
    shop.hear()
    for event in shop.events("charge.dispute.created", "charge.dispute.closed"):
        shop.deliver(event)
    shop.work()
    [fee] = Adjustment.here().all()
    assert (fee.kind, fee.amount, fee.direction) == (AdjustmentKind.FEE, 2_500, Direction.RAISES)
    assert fee.reason == "Bank debit returned: the account did not hold enough money"
    assert fresh(Invoice, invoice.id).owed == 42_500
    assert (shop.balance(Code.RECEIVABLE), shop.balance(Code.OTHER_INCOME)) == (42_500, 2_500)
