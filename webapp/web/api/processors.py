"""The organization's accounts at payment processors. Credentials go in and never come out."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.payments import disconnecting
from webapp.domain.payments.disconnecting import UnderWay
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.web import connecting
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import ADMIN, NATIONAL, acting
from webapp.web.api.fields import Shape, change_in, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import PAGED, page, pages_of

TOPIC = "Payments"

PROCESSOR = Shape(
    "PaymentProcessor",
    {
        "id": f.identifier("The connection"),
        "kind": f.choice("Which processor", ProcessorKind),
        "name": f.text("What it is called here", "Stripe"),
        "is_live": f.flag("Whether real money moves"),
        "active": f.flag("Whether new payments go to it"),
        "has_webhook_secret": f.flag("Whether it can tell us about payments"),
        "webhook_address": f.text("Where the processor sends its events", "https://…", most=500),
        "tested_at": f.instant("When the connection was last tried").or_null(),
        "test_error": f.text("Why that failed", "The secret key does not work.", most=2000).or_null(),
        "under_way": f.whole("Payments it has not settled yet", 0, most=10_000_000),
    },
)
CONNECTION = shape_in(
    "PaymentProcessorConnection",
    kind=f.choice("Which processor", ProcessorKind).needed(),
    name=f.text("What to call it", "Stripe", least=1).needed(),
    secret_key=f.secret("Its secret key, sk_… or rk_…", "sk_test_…").needed(),
    webhook_secret=f.secret("The secret of its webhook endpoint, whsec_…; may follow later", "whsec_…"),
)
CHANGE = change_in(
    "PaymentProcessorChange",
    name=f.text("What to call it", "Stripe", least=1),
    secret_key=f.secret("A new secret key of the same account", "sk_test_…"),
    webhook_secret=f.secret("A new secret of its webhook endpoint", "whsec_…"),
)
_PATH = "/organizations/<uuid:organization_id>/payment-processors/"


@operations.get(
    _PATH,
    summary="List the payment processors",
    topic=TOPIC,
    gives=pages_of(PROCESSOR),
    query=PAGED,
    allowed=NATIONAL,
)
def list_processors(query: Values) -> Answer:
    """Connected ones and those disconnected since, without their credentials."""
    under_way = disconnecting.under_way()
    return page(
        PaymentProcessor.here().select(), PaymentProcessor, query, lambda one: _described(one, under_way)
    )


@operations.post(
    _PATH,
    summary="Connect a payment processor",
    topic=TOPIC,
    gives=PROCESSOR,
    takes=CONNECTION,
    allowed=ADMIN,
)
def connect_processor(body: Values) -> Answer:
    """Members can pay online from then on. The credentials are kept encrypted and are never shown again."""
    with transaction():
        processor = PaymentProcessor.connect(
            kind=body["kind"],
            name=body["name"].strip() or "Stripe",
            secret_key=body["secret_key"].strip(),
            webhook_secret=_typed(body, "webhook_secret"),
            keys=wiring.key_ring(),
            by=acting,
        )
    return _told(processor)


@operations.get(
    _PATH + "<uuid:processor_id>/",
    summary="Read a payment processor",
    topic=TOPIC,
    gives=PROCESSOR,
    allowed=NATIONAL,
)
def read_processor(processor_id: UUID) -> Answer:
    """How it is connected and whether the last try worked, without its credentials."""
    return _told(PaymentProcessor.here().get(processor_id))


@operations.patch(
    _PATH + "<uuid:processor_id>/",
    summary="Change a payment processor",
    topic=TOPIC,
    gives=PROCESSOR,
    takes=CHANGE,
    allowed=ADMIN,
)
def change_processor(processor_id: UUID, body: Values) -> Answer:
    """Its name, or new credentials of the same account in place of the old ones. What is not given stays.
    A test connection never becomes a live one: disconnect it and connect anew."""
    with transaction():
        processor = PaymentProcessor.here().get(processor_id, lock=True)
        if "name" in body:
            processor.rename(body["name"], by=acting)
        if "secret_key" in body or "webhook_secret" in body:
            processor.change_keys(
                secret_key=_typed(body, "secret_key"),
                webhook_secret=_typed(body, "webhook_secret"),
                keys=wiring.key_ring(),
                by=acting,
            )
    return _told(processor)


@operations.delete(
    _PATH + "<uuid:processor_id>/",
    summary="Disconnect a payment processor",
    topic=TOPIC,
    gives=PROCESSOR,
    allowed=ADMIN,
)
def disconnect_processor(processor_id: UUID) -> Answer:
    """No new payments go there and open payment pages are closed. Nothing is deleted: it is listed as not
    active, what was paid there stays, and payments under way still settle."""
    with transaction():
        processor = PaymentProcessor.here().get(processor_id, lock=True)
        disconnecting.disconnect(processor, by=acting)
    return _told(processor)


@operations.post(
    _PATH + "<uuid:processor_id>/reconnect",
    summary="Reconnect a payment processor",
    topic=TOPIC,
    gives=PROCESSOR,
    status=200,
    allowed=ADMIN,
)
def reconnect_processor(processor_id: UUID) -> Answer:
    """New payments go to it again, with the credentials it has. Only one of a kind is connected."""
    with transaction():
        processor = PaymentProcessor.here().get(processor_id, lock=True)
        processor.reconnect(by=acting)
    return _told(processor)


@operations.post(
    _PATH + "<uuid:processor_id>/test",
    summary="Test a payment processor's connection",
    topic=TOPIC,
    gives=PROCESSOR,
    status=200,
    allowed=ADMIN,
)
def test_processor(processor_id: UUID) -> Answer:
    """Asks the processor with the secret key now. `test_error` says what it answered if that failed."""
    tested, _ = connecting.try_out(PaymentProcessor.here().get(processor_id))
    return _told(tested)


def _typed(body: Values, name: str) -> str | None:
    return body.get(name, "").strip() or None


def _told(processor: PaymentProcessor) -> dict[str, Any]:
    return _described(processor, disconnecting.under_way())


def _described(processor: PaymentProcessor, under_way: Mapping[UUID, UnderWay]) -> dict[str, Any]:
    return PROCESSOR.tell(
        processor,
        has_webhook_secret=processor.webhook_secret is not None,
        webhook_address=connecting.webhook_address(processor),
        under_way=under_way.get(processor.id, disconnecting.NOTHING).count,
    )
