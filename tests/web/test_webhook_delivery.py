"""Webhooks as they really come: over HTTP, several at once, twice, and in whatever order."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.processor import SECRET_KEY, WEBHOOK_SECRET, Shop, fresh
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import Allocation


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The application, listening."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.case("K4")
@pytest.mark.case("F17")
@pytest.mark.parametrize(
    "modes", [{}, {"duplicates": 3}, {"reorder": True}, {"duplicates": 2, "reorder": True}]
)
def test_the_processor_tells_us_by_itself_and_once_is_enough(
    shop: Shop, address: str, modes: dict[str, int | bool]
) -> None:
    path = f"/api/finances/webhooks/stripe/{shop.organization.id}/{shop.processor_id}/"
    endpoint = shop.sandbox.register_endpoint(SECRET_KEY, address + path, secret=WEBHOOK_SECRET)
    shop.sandbox.modes(endpoint["id"], **modes)
    invoice = shop.owed()
    shop.pay(shop.open(invoice))
    shop.sandbox.wait_for_webhooks(10)
    shop.work()
    stored = ProcessorEvent.here().all()
    assert {event.state for event in stored} == {DeliveryState.DONE, DeliveryState.IGNORED}
    assert len(Allocation.here().all()) == 1
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    assert shop.announced() == ["payment_received"]


@pytest.mark.case("F19")
def test_deliveries_that_are_lost_are_found_by_looking(shop: Shop, address: str) -> None:
    path = f"/api/finances/webhooks/stripe/{shop.organization.id}/{shop.processor_id}/"
    endpoint = shop.sandbox.register_endpoint(SECRET_KEY, address + path, secret=WEBHOOK_SECRET)
    shop.sandbox.modes(endpoint["id"], drop=True)
    invoice = shop.owed()
    shop.pay(shop.open(invoice))
    assert ProcessorEvent.here().all() == []
    shop.look_through()
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID


@pytest.mark.case("F18")
@pytest.mark.case("F23")
@pytest.mark.case("K6")
@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_a_bad_day_at_the_processor_ends_the_same_told_forwards_and_backwards(
    shop: Shop, address: str, order: str
) -> None:
    """A refund that fails later, then a dispute that is won, of another one that is lost."""
    path = f"/api/finances/webhooks/stripe/{shop.organization.id}/{shop.processor_id}/"
    endpoint = shop.sandbox.register_endpoint(SECRET_KEY, address + path, secret=WEBHOOK_SECRET)["id"]
    shop.sandbox.modes(endpoint, hold=True)
    invoices = [shop.owed() for _ in range(3)]
    charges = []
    for invoice in invoices:
        shop.pay(shop.open(invoice))
        charges.append(shop.latest("charge")["id"])
    shop.refund_charge(charges[0], 1_000)
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    for charge, end in ((charges[1], "win"), (charges[2], "loss")):
        shop.sandbox.act(shop.sandbox.act(charge, "dispute")["id"], end)
    assert ProcessorEvent.here().all() == []
    shop.sandbox.release(endpoint, order)
    shop.work()
    assert {event.state for event in ProcessorEvent.here().all()} <= {
        DeliveryState.DONE,
        DeliveryState.IGNORED,
    }
    found = [fresh(Invoice, invoice.id) for invoice in invoices]
    assert [(one.paid, one.refunded, one.owed) for one in found] == [
        (40_000, 0, 0),
        (40_000, 0, 0),
        (0, 0, 40_000),
    ]
    assert (shop.balance(Code.RECEIVABLE), shop.balance(Code.DISPUTED_PAYMENTS)) == (40_000, 0)
