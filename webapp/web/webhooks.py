"""Letters from processors: check the seal, store once, answer fast. What they mean is a job's business."""

from uuid import UUID

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from webapp import wiring
from webapp.core import at_once
from webapp.core.errors import Refusal
from webapp.domain.payments import inbox
from webapp.domain.payments.gateway import SignatureRefused
from webapp.web import addressees
from webapp.web.addressees import Addressee
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
    letter = _body(), request.headers.get("Stripe-Signature", "")
    known = addressees.remembered(organization_id, processor_id)
    if known is None or not _is_taken_in(known, *letter):
        _take_in(addressees.ask(organization_id, processor_id), *letter)
    return Response("Received.\n", mimetype="text/plain")


def _is_taken_in(addressee: Addressee, body: bytes, seal: str) -> bool:
    """False where what is remembered of the addressee does not fit the letter, and may have changed."""
    try:
        _take_in(addressee, body, seal)
    except (SignatureRefused, inbox.SecretChanged):
        return False
    return True


def _take_in(addressee: Addressee, body: bytes, seal: str) -> None:
    processor, secret = addressee.processor, addressee.secret
    notice = wiring.read_notice(processor.kind, body, seal, secret=secret, now=addressee.now)
    taken = inbox.take_in(
        at_once.ask, processor, notice, found_by=inbox.BY_WEBHOOK, opened_with=processor.webhook_secret
    )
    taken.nudge()
    log.info("webhook_received", kind=notice.kind, event_reference=notice.reference, new=taken.new)


def _body() -> bytes:
    request.max_content_length = LARGEST
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise DeliveryTooLarge from error
