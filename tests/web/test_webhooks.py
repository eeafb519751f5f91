import json
import time
from typing import Any

import pytest
import stripe

from tests import factories
from tests.processor import WEBHOOK_SECRET, Shop, connect, fresh, make_owed, post_webhook
from webapp.core import tenancy
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import Payment


def told(shop: Shop) -> dict[str, Any]:
    """An event that the processor would send."""
    shop.pay(shop.open(shop.owed()))
    return shop.events("checkout.session.completed")[0]


def test_a_delivery_is_stored_and_answered(shop: Shop) -> None:
    event = told(shop)
    assert shop.deliver(event) == 200
    [stored] = ProcessorEvent.here().all()
    assert (stored.event_reference, stored.kind, stored.found_by) == (event["id"], event["type"], "webhook")
    assert (stored.state, stored.deliveries) == (DeliveryState.RECEIVED, 1)


def test_what_is_stored_says_nothing_about_the_payer(shop: Shop) -> None:
    shop.deliver(told(shop))
    [stored] = ProcessorEvent.here().all()
    assert "@" not in json.dumps(stored.payload)
    assert "customer_details" not in stored.payload


def test_a_kind_we_do_not_need_is_answered_and_ignored(shop: Shop) -> None:
    told(shop)
    [created] = shop.events("payment_intent.created")
    assert shop.deliver(created) == 200
    shop.work()
    [stored] = ProcessorEvent.here().all()
    assert stored.state is DeliveryState.IGNORED
    assert shop.jobs.named("react_to_event") == []


@pytest.mark.case("F20")
@pytest.mark.parametrize(
    ("secret", "age"),
    [("whsec_other", 0), (WEBHOOK_SECRET, 301), (WEBHOOK_SECRET, -61), (WEBHOOK_SECRET, -86_400)],
    ids=["forged", "too old", "from the future", "from tomorrow"],
)
def test_a_wrong_seal_is_refused_and_nothing_is_stored(shop: Shop, secret: str, age: int) -> None:
    body = json.dumps(told(shop))
    moment = int(time.time()) - age
    assert post_webhook(shop.client, shop.processor, body, secret=secret, timestamp=moment) == 400
    assert ProcessorEvent.here().all() == []


@pytest.mark.case("F20")
@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"event"',
        "{}",
        '{"object": "v2.core.event", "id": "evt_1"}',
        '{"object": "event"}',
        '{"object": "event", "id": "evt_1", "type": "x", "created": 1}',
        "\u0000",
        "x" * 300_000,
    ],
    ids=lambda body: body[:40],
)
def test_a_sealed_body_that_is_no_event_is_refused(shop: Shop, body: str) -> None:
    assert post_webhook(shop.client, shop.processor, body) == 400
    assert ProcessorEvent.here().all() == []


@pytest.mark.case("F20")
@pytest.mark.parametrize(
    "header", ["", "t=", "t=x,v1=y", "v1=y", "t=1,t=2,v1=y", "t=99999999999999999,v1=y", "💥"]
)
def test_a_broken_signature_header_is_refused(shop: Shop, header: str) -> None:
    address = f"/api/finances/webhooks/stripe/{shop.processor.organization_id}/{shop.processor_id}/"
    headers = {"Stripe-Signature": header.encode().decode("latin-1")}
    answer = shop.client.post(address, data=json.dumps(told(shop)), headers=headers)
    assert answer.status_code == 400
    assert ProcessorEvent.here().all() == []


def test_the_address_without_a_processor_says_what_is_missing(shop: Shop) -> None:
    answer = shop.client.post("/api/finances/webhooks/stripe/", data="{}")
    assert answer.status_code == 400
    assert "one connected processor" in answer.json["detail"]


@pytest.mark.case("F20")
@pytest.mark.case("K14")
def test_another_organization_s_secret_opens_nothing_here(shop: Shop) -> None:
    event = json.dumps(told(shop))
    ours = shop.processor
    other = factories.make_organization("Other Union")
    with tenancy.acting_for(other.id):
        factories.found(other)
        theirs = connect("sk_test_other", "whsec_other")
    assert post_webhook(shop.client, ours, event, secret="whsec_other") == 400
    assert post_webhook(shop.client, theirs, event, secret=WEBHOOK_SECRET) == 400


@pytest.mark.case("K14")
def test_one_organization_s_address_with_another_s_processor_is_not_found(shop: Shop) -> None:
    other = factories.make_organization("Other Union")
    with tenancy.acting_for(other.id):
        theirs = connect("sk_test_other", "whsec_other")
    address = f"/api/finances/webhooks/stripe/{shop.organization.id}/{theirs.id}/"
    assert shop.client.post(address, data="{}").status_code == 404


@pytest.mark.case("K14")
def test_an_event_that_names_another_organization_s_rows_is_ignored(shop: Shop) -> None:
    """Both have the same account at the processor, so each hears of the other's payments."""
    invoice = shop.owed()
    checkout = shop.open(invoice)
    payment_id = checkout.payment_id
    shop.pay(checkout)
    events = [json.dumps(event) for event in shop.events()]
    other = factories.make_organization("Other Union")
    with tenancy.acting_for(other.id):
        factories.found(other)
        theirs = connect(webhook_secret="whsec_other")
        for event in events:
            assert post_webhook(shop.client, theirs, event, secret="whsec_other") == 200
        shop.work()
        stored = ProcessorEvent.here().all(ProcessorEvent.kind == "checkout.session.completed")
        assert [(event.state, event.note) for event in stored] == [
            (DeliveryState.IGNORED, "It names another organization or processor.")
        ]
        assert Payment.here().all() == []
    assert fresh(Payment, payment_id).received_on is None
    assert fresh(Invoice, invoice.id).owed == 40_000


def test_a_payment_that_was_not_started_here_is_ignored(shop: Shop) -> None:
    direct = stripe.StripeClient("sk_test_pichi", base_addresses={"api": shop.sandbox.url})
    direct.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    shop.hear("payment_intent.succeeded")
    [stored] = ProcessorEvent.here().all()
    assert (stored.state, stored.note) == (DeliveryState.IGNORED, "This payment was not started here.")


def test_an_event_that_lies_about_the_amount_changes_nothing(shop: Shop) -> None:
    """The reaction reads the object again; what the letter says about it is not believed."""
    event = told(shop)
    event["data"]["object"] |= {"amount_total": 1, "payment_status": "unpaid", "status": "open"}
    shop.deliver(event)
    shop.work()
    [payment] = Payment.here().all()
    assert payment.allocated == 40_000


def test_before_the_webhook_secret_is_known_deliveries_are_refused(shop: Shop, organization: Any) -> None:
    other = factories.make_organization("Other Union")
    with tenancy.acting_for(other.id):
        theirs = connect("sk_test_other", None)
    assert post_webhook(shop.client, theirs, "{}") == 400


def test_money_for_an_invoice_of_the_member_is_told_by_http_too(shop: Shop) -> None:
    invoice = make_owed(shop.member, 12_300)
    shop.paid(invoice)
    assert fresh(Invoice, invoice.id).owed == 0
