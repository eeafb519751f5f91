"""Letters from processors: check the seal, store once, answer fast. What they mean is a job's business."""

from uuid import UUID

import structlog
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import database_time, db, transaction
from webapp.core.errors import NotFound, Refusal
from webapp.domain.organizations import Organization
from webapp.domain.payments import inbox
from webapp.domain.payments.gateway import SignatureRefused
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.web.security import csrf

LARGEST = 256 * 1024

webhooks = Blueprint("webhooks", __name__, url_prefix="/api/finances/webhooks")
csrf.exempt(webhooks)
log = structlog.get_logger()


class AddressIncomplete(Refusal):
    code = "webhook-address-incomplete"
    message = "A webhook goes to the address of one connected processor, with the ids of both in it."
    next_step = "Copy the address from the processor's page in Duesbook."


class DeliveryTooLarge(Refusal):
    code = "delivery-too-large"
    message = "No event of a processor is this large."


@webhooks.post("/stripe/")
def incomplete() -> Response:
    raise AddressIncomplete


@webhooks.post("/stripe/<uuid:organization_id>/<uuid:processor_id>/")
def receive(organization_id: UUID, processor_id: UUID) -> Response:
    processor = _addressee(organization_id, processor_id)
    secret = processor.reveal_webhook_secret(wiring.key_ring())
    signature = request.headers.get("Stripe-Signature", "")
    body = _body()
    if secret is None:
        raise SignatureRefused("This processor has no webhook secret yet.")
    notice = wiring.gateway_for(processor).read_notice(body, signature, secret, now=database_time())
    with transaction():
        new = inbox.take_in(processor, notice, found_by=inbox.BY_WEBHOOK)
    log.info("webhook_received", kind=notice.kind, event_reference=notice.reference, new=new)
    return Response("Received.\n", mimetype="text/plain")


def _addressee(organization_id: UUID, processor_id: UUID) -> PaymentProcessor:
    tenancy.enter(organization_id)
    wanted = PaymentProcessor.here().select(
        PaymentProcessor.id == processor_id, PaymentProcessor.kind == ProcessorKind.STRIPE
    )
    whose = Organization.id == PaymentProcessor.organization_id
    found = db.session.execute(wanted.join(Organization, whose).add_columns(Organization)).first()
    if found is None:
        raise NotFound
    processor: PaymentProcessor = found[0]
    g.organization = found[1]
    return processor


def _body() -> bytes:
    request.max_content_length = LARGEST
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise DeliveryTooLarge from error
