"""Disconnecting a processor ends nothing that is under way, and can be taken back."""

import pytest

from tests.processor import SECRET_KEY, Shop, connect, fresh
from webapp import wiring
from webapp.core.audit import AuditEntry
from webapp.core.db import transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.payments import disconnecting
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import NoProcessor, PaymentProcessor


def disconnect(shop: Shop) -> None:
    with transaction():
        disconnecting.disconnect(PaymentProcessor.here().get(shop.processor_id, lock=True), by=None)


def reconnect(shop: Shop) -> None:
    with transaction():
        PaymentProcessor.here().get(shop.processor_id, lock=True).reconnect(by=None)


def test_open_payment_pages_are_closed_when_the_processor_is_disconnected(shop: Shop) -> None:
    checkout = shop.open(shop.owed())
    disconnect(shop)
    shop.work()
    assert fresh(Checkout, checkout.id).state is CheckoutState.CLOSED
    [page] = shop.sandbox.objects("checkout.session")
    assert page["status"] == "expired"
    with pytest.raises(NoProcessor):
        shop.open(shop.owed())


def test_what_was_paid_on_an_open_page_before_still_settles(shop: Shop) -> None:
    checkout = shop.open(shop.owed())
    shop.pay(checkout)
    disconnect(shop)
    shop.work()
    shop.hear()
    assert fresh(Payment, checkout.payment_id).allocated == 40_000


def test_a_debit_that_has_not_settled_is_counted_as_under_way(shop: Shop) -> None:
    assert disconnecting.under_way() == {}
    shop.pay(shop.open(shop.owed()), "bank_settles")
    shop.hear()
    assert disconnecting.under_way() == {shop.processor_id: disconnecting.UnderWay(1, 40_000)}


def test_a_disconnected_processor_is_connected_again_with_the_keys_it_has(shop: Shop) -> None:
    disconnect(shop)
    reconnect(shop)
    assert shop.open(shop.owed()).state is CheckoutState.LIVE
    with pytest.raises(Conflict, match="connected already"):
        reconnect(shop)
    written = [entry.action for entry in AuditEntry.here().all(AuditEntry.subject_id == shop.processor_id)]
    assert sorted(written) == ["connect_processor", "disconnect_processor", "reconnect_processor"]


def test_only_one_connection_of_a_kind_is_in_use(shop: Shop) -> None:
    disconnect(shop)
    connect()
    with pytest.raises(Conflict, match="Stripe is connected already"):
        reconnect(shop)


def test_a_test_connection_never_becomes_a_live_one(shop: Shop) -> None:
    with pytest.raises(Invalid, match="live key"), transaction():
        PaymentProcessor.here().get(shop.processor_id, lock=True).change_keys(
            secret_key=SECRET_KEY.replace("_test_", "_live_"),
            webhook_secret=None,
            keys=wiring.key_ring(),
            by=None,
        )
