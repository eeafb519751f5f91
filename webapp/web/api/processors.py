"""The organization's accounts at payment processors. Credentials go in and never come out."""

from flask import g, url_for

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import ADMIN, NATIONAL, acting
from webapp.web.api.fields import Shape, shape_in
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
    },
)
CONNECTION = shape_in(
    "PaymentProcessorConnection",
    kind=f.choice("Which processor", ProcessorKind).needed(),
    name=f.text("What to call it", "Stripe", least=1).needed(),
    secret_key=f.secret("Its secret key, sk_… or rk_…", "sk_test_…").needed(),
    webhook_secret=f.secret("The secret of its webhook endpoint, whsec_…; may follow later", "whsec_…"),
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
    return page(PaymentProcessor.here().select(), PaymentProcessor, query, _told)


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
            webhook_secret=body.get("webhook_secret", "").strip() or None,
            keys=wiring.key_ring(),
            by=acting,
        )
    return _told(processor)


def _told(processor: PaymentProcessor) -> dict[str, object]:
    address = url_for("webhooks.receive", organization_id=g.organization.id, processor_id=processor.id)
    return PROCESSOR.tell(
        processor,
        has_webhook_secret=processor.webhook_secret is not None,
        webhook_address=wiring.settings().public_url + address,
    )
