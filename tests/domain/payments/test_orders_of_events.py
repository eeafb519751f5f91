"""The events of one payment, heard in every order they could come in."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection

from tests import factories
from tests.jobs import JobRunner
from tests.processor import Shop, fresh
from webapp.core.db import db
from webapp.core.jobs import OutboxJob
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.payment import Payment, PaymentState

Undone = Callable[[], AbstractContextManager[None]]
WANTED = {
    "payment_intent.processing", "payment_intent.payment_failed", "payment_intent.succeeded",
    "checkout.session.completed", "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed", "charge.refunded",
}  # fmt: skip


def card_story(shop: Shop) -> Checkout:
    checkout = shop.open(shop.owed())
    shop.pay(checkout, "generic_decline")
    shop.pay(checkout)
    shop.refund(10_000)
    shop.refund(5_000)
    return checkout


def debit_story(shop: Shop) -> Checkout:
    checkout = shop.open(shop.owed())
    shop.pay(checkout, "bank_waits")
    shop.sandbox.act(shop.latest("payment_intent")["id"], "settlement")
    return checkout


def returned_story(shop: Shop) -> Checkout:
    checkout = shop.open(shop.owed())
    shop.pay(checkout, "bank_waits")
    shop.sandbox.act(shop.latest("payment_intent")["id"], "failure")
    return checkout


class Everybodys(Connection):
    """Who begins on it gets a savepoint of what was begun before."""

    @contextmanager
    def begin(self) -> Iterator[Connection]:  # type: ignore[override]
        with self.begin_nested():
            yield self

    def raw_connection(self) -> Any:
        """Nobody may commit on it alone: it says that one has to be told all before, in a transaction."""
        return SimpleNamespace(info=defaultdict(lambda: True), close=lambda: None)


@pytest.fixture
def undone(app: Flask) -> Iterator[Undone]:
    """A stretch that never happened once it is over: everybody shares one connection, whose savepoints they
    take for transactions of their own.
    """
    engines, engine = db.engines, db.engine
    db.session.remove()
    with Everybodys(engine) as connection, Connection.begin(connection) as everything:

        @contextmanager
        def stretch() -> Iterator[None]:
            savepoint = connection.begin_nested()
            yield
            db.session.remove()
            savepoint.rollback()

        engines[None] = connection
        yield stretch
        db.session.remove()
        engines[None] = engine
        everything.rollback()


def end_states(shop: Shop, told: list[dict[str, Any]], undone: Undone, state: Callable[[], Any]) -> list[Any]:
    """One for each order. What two orders begin with is lived through once; the first is heard twice."""
    react = JobRunner(OutboxJob.queue == "now")
    reached = []

    def hear(event: dict[str, Any]) -> None:
        assert shop.deliver(event) == 200
        react.run_all()

    def go_on(heard: list[dict[str, Any]], waiting: list[dict[str, Any]]) -> None:
        for event in waiting:
            with undone():
                hear(event)
                go_on([*heard, event], [one for one in waiting if one is not event])
        if not waiting:
            hear(heard[0])
            reached.append(state())

    go_on([], told)
    return reached


def state_of(checkout_id: Any, payment_id: Any) -> tuple[Any, ...]:
    payment, checkout = fresh(Payment, payment_id), fresh(Checkout, checkout_id)
    invoice = fresh(Invoice, checkout.invoice_id)
    return (
        payment.state, payment.fee, payment.allocated, payment.returned, payment.credited, checkout.state,
        invoice.status, invoice.owed, invoice.processing,
    )  # fmt: skip


@pytest.mark.case("F18")
@pytest.mark.case("K6")
@pytest.mark.parametrize(("story", "orders"), [(card_story, 120), (debit_story, 24), (returned_story, 24)])
def test_the_same_events_in_any_order_end_in_the_same_state_with_sound_books(
    shop: Shop, undone: Undone, story: Callable[[Shop], Checkout], orders: int
) -> None:
    checkout = story(shop)
    checkout_id, payment_id = checkout.id, checkout.payment_id
    told = [event for event in shop.events() if event["type"] in WANTED]

    def state() -> tuple[Any, ...]:
        factories.verify_books(db.session.merge(shop.organization))
        return state_of(checkout_id, payment_id)

    reached = end_states(shop, told, undone, state)
    assert len(reached) == orders
    assert len(set(reached)) == 1


@pytest.mark.case("K6")
@pytest.mark.parametrize(
    ("like", "late"),
    [
        ("payment_intent.succeeded", {"type": "payment_intent.canceled", "status": "canceled"}),
        ("payment_intent.succeeded", {"type": "payment_intent.payment_failed", "status": "canceled"}),
        ("checkout.session.completed", {"type": "checkout.session.expired", "status": "expired"}),
    ],
)
def test_old_news_that_arrives_late_takes_nothing_back(shop: Shop, like: str, late: dict[str, str]) -> None:
    """Such as a cancellation of before, told after the payment: the processor is asked how it stands now."""
    invoice = shop.owed()
    payment = shop.paid(invoice)
    [event] = shop.events(like)
    event |= {"id": f"evt_late_{late['type']}", "type": late["type"]}
    event["data"]["object"]["status"] = late["status"]
    assert shop.deliver(event) == 200
    shop.work()
    assert fresh(Payment, payment.id).state is PaymentState.SUCCEEDED
    assert (fresh(Invoice, invoice.id).status, fresh(Invoice, invoice.id).owed) == (InvoiceStatus.PAID, 0)
