"""Money that comes a second time, too late, or from several sides at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processor import ADDRESSES, Shop, fresh
from webapp import at_processor
from webapp.core import tenancy
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.inbox import ProcessorEvent
from webapp.domain.payments.payment import Allocation, Payment, PaymentState
from webapp.web import paying


@pytest.mark.case("K1")
def test_paid_online_while_the_treasurer_recorded_a_check(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.pay(checkout)
    check = shop.record(invoice, 40_000)
    shop.hear()
    online = fresh(Payment, checkout.payment_id)
    assert (online.allocated, online.credited) == (0, 40_000)
    assert fresh(Payment, check.id).allocated == 40_000
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    assert shop.balance(Code.CREDIT_NOTES) == 40_000
    assert shop.announced() == ["credit_note_opened", "paid_twice", "payment_received", "payment_received"]


@pytest.mark.case("K1")
def test_a_recorded_check_closes_the_page_that_still_asks_for_the_money(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.record(invoice, 40_000)
    shop.work()
    assert fresh(Checkout, checkout.id).state is CheckoutState.CLOSED
    assert shop.sandbox.objects("checkout.session")[0]["status"] == "expired"


def test_what_a_partial_check_left_owed_is_settled_and_the_rest_stays_as_credit(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.pay(checkout)
    shop.record(invoice, 15_000)
    shop.hear()
    online = fresh(Payment, checkout.payment_id)
    assert (online.allocated, online.credited) == (25_000, 15_000)
    assert fresh(Invoice, invoice.id).owed == 0


@pytest.mark.case("K28")
def test_voiding_an_invoice_closes_its_page(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.void(invoice)
    shop.work()
    assert fresh(Checkout, checkout.id).state is CheckoutState.CLOSED
    assert shop.sandbox.objects("checkout.session")[0]["status"] == "expired"


@pytest.mark.case("K28")
def test_money_that_still_comes_for_a_void_invoice_is_kept_as_credit(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.pay(checkout)
    shop.void(invoice)
    shop.work()
    payment = fresh(Payment, checkout.payment_id)
    assert (payment.state, payment.credited) == (PaymentState.SUCCEEDED, 40_000)
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.VOID
    assert fresh(Checkout, checkout.id).state is CheckoutState.PAID
    assert shop.announced() == ["credit_note_opened", "paid_twice", "payment_received"]


@pytest.mark.case("K4")
@pytest.mark.case("F17")
def test_ten_deliveries_at_once_have_one_effect(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.pay(checkout)
    [completed] = shop.events("checkout.session.completed")
    clients = [shop.client.application.test_client() for _ in range(10)]
    processor = shop.processor
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda client: shop.deliver_to(processor, completed, client), clients))
    assert answers == [200] * 10
    shop.work()
    [event] = ProcessorEvent.here().all()
    assert event.deliveries == 10
    assert len(Allocation.here().all()) == 1
    assert fresh(Payment, checkout.payment_id).allocated == 40_000
    assert shop.announced() == ["payment_received"]


@pytest.mark.case("K4")
def test_return_page_and_webhook_race_and_each_job_runs_twice(shop: Shop) -> None:
    checkout = shop.open(shop.owed())
    checkout_id, payment_id = checkout.id, checkout.payment_id
    shop.pay(checkout)
    for event in shop.events():
        shop.deliver(event)
    app, here = shop.client.application, tenancy.organization_id()

    def look(_: int) -> None:
        with app.app_context(), tenancy.acting_for(here):
            at_processor.look_up(checkout_id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(look, range(6)))
    shop.work()
    assert len(Allocation.here().all()) == 1
    assert fresh(Payment, payment_id).allocated == 40_000
    assert shop.announced() == ["payment_received"]


@pytest.mark.case("K4")
@pytest.mark.case("K16")
def test_a_double_click_opens_one_page(shop: Shop) -> None:
    invoice_id = shop.owed().id
    app, here = shop.client.application, tenancy.organization_id()

    def click(_: int) -> str | None:
        with app.app_context(), tenancy.acting_for(here):
            return paying.open_checkout(invoice_id, ADDRESSES).url

    with ThreadPoolExecutor(2) as pool:
        urls = set(pool.map(click, range(2)))
    assert len(urls) == 1
    assert len(shop.sandbox.objects("checkout.session")) == 1
    assert len(Payment.here().all()) == 1
