"""Which of our checkouts an event is about. What to do about it is always the same: look, and learn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import Payment


@dataclass(frozen=True)
class Subject:
    """The checkout, and the reference of its page when the event knows it before we do."""

    checkout: Checkout
    reference: str | None


def subject_of(event: ProcessorEvent) -> Subject | None:
    """None, with a note on the event, when it is about somebody else's money or a payment made elsewhere."""
    payload = event.payload
    named = _mapping(payload.get("metadata"))
    if named and _is_elsewhere(event, named):
        event.handled(DeliveryState.IGNORED, "It names another organization or processor.")
        return None
    checkout = _by_name(event, named) or _by_reference(event, payload)
    if checkout is None:
        event.handled(DeliveryState.IGNORED, "This payment was not started here.")
        return None
    is_page = payload.get("object") == "checkout.session"
    return Subject(checkout, event.object_reference if is_page else None)


def _is_elsewhere(event: ProcessorEvent, named: Mapping[str, Any]) -> bool:
    ours = {"organization_id": str(event.organization_id), "processor_id": str(event.processor_id)}
    return any(key in named and named[key] != value for key, value in ours.items())


def _by_name(event: ProcessorEvent, named: Mapping[str, Any]) -> Checkout | None:
    try:
        checkout_id = UUID(str(named.get("checkout_id")))
    except ValueError:
        return None
    return Checkout.here().first(Checkout.id == checkout_id, Checkout.processor_id == event.processor_id)


def _by_reference(event: ProcessorEvent, payload: Mapping[str, Any]) -> Checkout | None:
    mine = Checkout.processor_id == event.processor_id
    if payload.get("object") == "checkout.session":
        return Checkout.here().first(mine, Checkout.session_reference == event.object_reference)
    intent = (
        event.object_reference if payload.get("object") == "payment_intent" else payload.get("payment_intent")
    )
    if not intent:
        return None
    payment = Payment.here().first(
        Payment.processor_id == event.processor_id, Payment.intent_reference == intent
    )
    return Checkout.here().first(mine, Checkout.payment_id == payment.id) if payment else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
