from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.sandbox.control import SandboxControl
from tests.sandbox.postbox import Postbox
from webapp.sandbox import specification
from webapp.sandbox.server import start_sandbox

KEY = "sk_test_chapters"
KINDS = [
    "balance_transaction",
    "charge",
    "checkout.session",
    "customer",
    "dispute",
    "event",
    "file",
    "payment_intent",
    "payment_method",
    "refund",
    "setup_intent",
    "webhook_endpoint",
]


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    sandbox = start_sandbox()
    yield sandbox.url
    sandbox.stop()


@pytest.fixture
def control(sandbox_url: str) -> Iterator[SandboxControl]:
    """A fresh sandbox; afterwards everything it made still fits Stripe's description."""
    control = SandboxControl(sandbox_url)
    control.reset()
    control.settings(ach_delay=None, refund_delay=None)
    yield control
    for kind in KINDS:
        for made in control.objects(kind):
            assert list(specification.faults(kind, made)) == []
            if kind == "event":
                subject = made["data"]["object"]
                assert list(specification.faults(subject["object"], subject)) == []


@pytest.fixture
def client(control: SandboxControl) -> stripe.StripeClient:
    return client_with(control, KEY)


def client_with(control: SandboxControl, key: str, **options: Any) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": control.url}, max_network_retries=0, **options)


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with Postbox() as postbox:
        yield postbox


def open_session(client: stripe.StripeClient, amount: int = 5000, **changes: Any) -> stripe.checkout.Session:
    item = {
        "quantity": 1,
        "price_data": {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Fall dues"}},
    }
    params = {
        "mode": "payment",
        "line_items": [item],
        "success_url": "http://localhost/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://localhost/back",
        "metadata": {"invoice": "session-side"},
        "payment_intent_data": {"metadata": {"invoice": "intent-side"}},
    }
    return client.v1.checkout.sessions.create(params | changes)


def paid_charge(
    client: stripe.StripeClient, control: SandboxControl, amount: int = 5000, instrument: str = "success"
) -> stripe.Charge:
    session = open_session(client, amount)
    control.pay(session.url, instrument)
    paid = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    return paid.payment_intent.latest_charge


def event_types(client: stripe.StripeClient) -> list[str]:
    """Oldest first."""
    return [event.type for event in client.v1.events.list({"limit": 100}).data][::-1]
