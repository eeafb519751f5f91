"""Letters from processors: check the seal, store once, answer fast. What they mean is a job's business."""

from datetime import datetime
from uuid import UUID

import structlog
from flask import Blueprint, Response, request
from sqlalchemy import Uuid, bindparam, cast, func, select, true
from werkzeug.exceptions import RequestEntityTooLarge

from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import NotFound, Refusal
from webapp.core.statements import shared
from webapp.domain.payments import inbox
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
    processor, now = _addressee(organization_id, processor_id)
    seal = request.headers.get("Stripe-Signature", "")
    notice = wiring.read_notice(processor, _body(), seal, now=now)
    with transaction():
        new = inbox.take_in(processor, notice, found_by=inbox.BY_WEBHOOK)
    log.info("webhook_received", kind=notice.kind, event_reference=notice.reference, new=new)
    return Response("Received.\n", mimetype="text/plain")


def _addressee(organization_id: UUID, processor_id: UUID) -> tuple[PaymentProcessor, datetime]:
    """As much of the processor as a letter needs, and when it was asked for: by the one clock that all
    machines share."""
    found = tenancy.ask_inside(db.session(), organization_id, _ADDRESSEE, processor=processor_id)
    if found is None:
        raise NotFound
    secret, now = found
    addressee = PaymentProcessor(
        organization_id=organization_id, id=processor_id, kind=ProcessorKind.STRIPE, webhook_secret=secret
    )
    return addressee, now


_here = cast(tenancy.TOLD.c.organization, Uuid)
_row = (
    select(PaymentProcessor.webhook_secret)
    .where(
        PaymentProcessor.organization_id == _here,
        PaymentProcessor.id == bindparam("processor", type_=Uuid()),
        PaymentProcessor.kind == ProcessorKind.STRIPE,
    )
    .offset(0)
    .lateral("processor")
)
_ADDRESSEE = shared(select(_row.c.webhook_secret, func.now()).select_from(tenancy.TOLD).join(_row, true()))


def _body() -> bytes:
    request.max_content_length = LARGEST
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise DeliveryTooLarge from error
