import pytest

from tests.processor import ADDRESSES, Shop, fresh
from webapp import wiring
from webapp.core import clock
from webapp.core.db import transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.payability import AlreadyPaid, PaymentUnderWay
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code
from webapp.domain.payments import checkout as checkouts
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.gateway import GatewayRefused, GatewayUnavailable
from webapp.domain.payments.inbox import ProcessorEvent
from webapp.domain.payments.payment import FeeState, Method, Payment, PaymentState
from webapp.web import paying

FEE = 1190


def test_a_card_payment_settles_the_invoice_and_books_its_fee(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    payment = shop.paid(invoice)
    assert (payment.state, payment.method) == (PaymentState.SUCCEEDED, Method.CARD)
    assert (payment.amount, payment.fee, payment.allocated, payment.unapplied) == (40_000, FEE, 40_000, 0)
    assert payment.payer_detail == "Visa •••• 4242"
    settled = fresh(Invoice, invoice.id)
    assert (settled.status, settled.paid, settled.owed) == (InvoiceStatus.PAID, 40_000, 0)
    assert shop.balance(Code.PROCESSOR_CLEARING) == 40_000 - FEE
    assert shop.balance(Code.BANK_CHARGES) == FEE
    assert shop.balance(Code.RECEIVABLE) == 0
    assert shop.announced() == ["payment_received"]


def test_nothing_is_paid_by_coming_back_from_the_processor_s_page(shop: Shop) -> None:
    invoice = shop.owed()
    shop.open(invoice)
    assert fresh(Invoice, invoice.id).owed == 40_000


def test_opening_again_leads_to_the_same_page(shop: Shop) -> None:
    invoice = shop.owed()
    first, second = shop.open(invoice), shop.open(invoice)
    assert first.id == second.id and first.url == second.url
    assert len(shop.sandbox.objects("checkout.session")) == 1


@pytest.mark.case("K33")
def test_a_page_for_another_amount_is_closed_before_a_new_one_opens(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    old = shop.open(invoice)
    shop.record(invoice, 15_000)
    new = shop.open(invoice)
    assert (new.amount, new.attempt) == (25_000, 2)
    assert fresh(Checkout, old.id).state is CheckoutState.CLOSED
    assert fresh(Payment, old.payment_id).state is PaymentState.EXPIRED
    states = {made["amount_total"]: made["status"] for made in shop.sandbox.objects("checkout.session")}
    assert states == {40_000: "expired", 25_000: "open"}
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PARTIAL


@pytest.mark.case("K18")
def test_a_second_card_pays_after_the_first_was_declined(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.pay(checkout, "insufficient_funds")
    shop.hear()
    declined = fresh(Payment, checkout.payment_id)
    assert (declined.state, declined.failure_code) == (PaymentState.STARTED, "insufficient_funds")
    again = shop.open(invoice)
    shop.pay(again)
    shop.hear()
    assert fresh(Payment, again.payment_id).state is PaymentState.SUCCEEDED
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID


@pytest.mark.case("K18")
def test_the_attempt_is_part_of_the_idempotency_key(shop: Shop) -> None:
    invoice = shop.owed()
    first = shop.open(invoice)
    shop.sandbox.act(first.session_reference, "expiry")
    shop.hear()
    second = shop.open(invoice)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.idempotency_key != second.idempotency_key


def test_our_names_are_on_the_session_and_on_the_payment(shop: Shop) -> None:
    checkout = shop.open(shop.owed())
    shop.pay(checkout)
    [session], [intent] = shop.sandbox.objects("checkout.session"), shop.sandbox.objects("payment_intent")
    assert session["metadata"] == intent["metadata"] == checkout.names


@pytest.mark.case("K2")
@pytest.mark.case("F21")
def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_key(shop: Shop) -> None:
    invoice = shop.owed()
    shop.sandbox.fault("server_error", count=2, path="/v1/checkout/sessions", method="POST", carried_out=True)
    with pytest.raises(GatewayUnavailable):
        shop.open(invoice)
    [waiting] = Checkout.here().all()
    assert fresh(Payment, waiting.payment_id).state is PaymentState.UNKNOWN
    checkout = shop.open(invoice)
    assert checkout.id == waiting.id
    assert len(shop.sandbox.objects("checkout.session")) == 1
    keys = {asked["idempotency_key"] for asked in shop.sandbox.requests("/v1/checkout/sessions", "POST")}
    assert keys == {checkout.idempotency_key}
    shop.pay(checkout)
    shop.hear()
    assert fresh(Payment, checkout.payment_id).state is PaymentState.SUCCEEDED


@pytest.mark.case("F21")
def test_a_time_out_after_success_is_resolved_by_looking(shop: Shop) -> None:
    shop.sandbox.fault("server_error", count=2, path="/v1/checkout/sessions", method="POST", carried_out=True)
    with pytest.raises(GatewayUnavailable):
        shop.open(shop.owed())
    shop.work_later()
    [checkout] = Checkout.here().all()
    assert checkout.state is CheckoutState.LIVE
    assert len(shop.sandbox.objects("checkout.session")) == 1


@pytest.mark.case("F1")
@pytest.mark.case("K17")
def test_a_crash_between_the_call_and_our_note_of_it_leads_to_the_same_page(shop: Shop) -> None:
    invoice = shop.owed()
    with transaction():
        checkout = checkouts.begin(invoice.id, addresses=ADDRESSES, now=clock.now())
    gateway = wiring.gateway_for(shop.processor)
    page = gateway.open_checkout(checkout.order("USD"), idempotency_key=checkout.idempotency_key)
    found = shop.open(invoice)
    assert (found.id, found.session_reference) == (checkout.id, page.reference)
    assert fresh(Invoice, invoice.id).owed == 40_000


def test_a_refused_opening_says_why_and_the_next_one_is_a_new_attempt(shop: Shop) -> None:
    too_little = shop.owed(20)
    with pytest.raises(GatewayRefused, match="at least"):
        shop.open(too_little)
    [checkout] = Checkout.here().all()
    assert checkout.state is CheckoutState.CLOSED
    assert fresh(Payment, checkout.payment_id).state is PaymentState.FAILED


def test_a_paid_invoice_opens_no_page(shop: Shop) -> None:
    invoice = shop.owed()
    shop.paid(invoice)
    with pytest.raises(AlreadyPaid):
        shop.open(invoice)


def test_a_bank_debit_is_under_way_until_it_settles(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    payment_id = checkout.payment_id
    shop.pay(checkout, "bank_settles")
    shop.hear()
    waiting = fresh(Invoice, invoice.id)
    assert (waiting.processing, waiting.owed) == (True, 40_000)
    with pytest.raises(PaymentUnderWay):
        shop.open(invoice)
    [intent] = shop.sandbox.objects("payment_intent")
    shop.sandbox.act(intent["id"], "settlement")
    shop.hear()
    payment = fresh(Payment, payment_id)
    assert (payment.state, payment.method, payment.fee) == (PaymentState.SUCCEEDED, Method.ACH_DEBIT, 320)
    settled = fresh(Invoice, invoice.id)
    assert (settled.processing, settled.status) == (False, InvoiceStatus.PAID)


def test_a_bank_debit_that_comes_back_leaves_the_invoice_owed(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.pay(checkout, "bank_fails")
    shop.hear()
    [intent] = shop.sandbox.objects("payment_intent")
    shop.sandbox.act(intent["id"], "failure")
    shop.hear()
    assert fresh(Payment, checkout.payment_id).state is PaymentState.FAILED
    owed = fresh(Invoice, invoice.id)
    assert (owed.processing, owed.owed, owed.status) == (False, 40_000, InvoiceStatus.OPEN)
    assert shop.announced() == ["payment_failed"]


def test_a_page_that_ran_out_takes_nothing(shop: Shop) -> None:
    checkout = shop.open(shop.owed())
    shop.sandbox.act(checkout.session_reference, "expiry")
    shop.hear()
    assert fresh(Payment, checkout.payment_id).state is PaymentState.EXPIRED
    assert fresh(Checkout, checkout.id).state is CheckoutState.CLOSED


def test_without_any_webhook_looking_finds_out(shop: Shop) -> None:
    checkout = shop.open(shop.owed())
    shop.pay(checkout)
    paying.look_again(checkout)
    shop.work()
    assert fresh(Payment, checkout.payment_id).allocated == 40_000


@pytest.mark.case("F19")
def test_the_regular_look_finds_what_no_webhook_brought(shop: Shop) -> None:
    checkout = shop.open(shop.owed())
    shop.pay(checkout)
    for _ in range(2):
        shop.look_through()
    assert fresh(Payment, checkout.payment_id).allocated == 40_000
    found = ProcessorEvent.here().all()
    assert {event.found_by for event in found} == {"look"}
    assert {event.deliveries for event in found} == {1}


def test_a_fee_that_comes_late_holds_the_payment_until_it_is_known(shop: Shop) -> None:
    shop.sandbox.settings(fee_delay=None)
    invoice = shop.owed()
    payment = shop.paid(invoice)
    assert (payment.state, payment.fee_state) == (PaymentState.SUCCEEDED, FeeState.AWAITED)
    waiting = fresh(Invoice, invoice.id)
    assert (waiting.owed, waiting.processing) == (40_000, True)
    with pytest.raises(PaymentUnderWay):
        shop.open(invoice)
    [charge] = shop.sandbox.objects("charge")
    shop.sandbox.act(charge["id"], "fee")
    shop.work_later()
    payment = fresh(Payment, payment.id)
    assert (payment.fee_state, payment.fee, payment.allocated) == (FeeState.CONFIRMED, FEE, 40_000)
    assert fresh(Invoice, invoice.id).processing is False
