"""Which of our payments an event is about. What to do about it is always the same: look, and learn."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webapp.domain.payments import methods_found
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.saved_methods import SavedMethod


@dataclass(frozen=True)
class Subject:
    """The payment, and the references of its page and of itself when the event knows them before we do."""

    payment: Payment
    page: str | None
    intent: str | None


_NAMELESS = ("dispute", "refund")
"""Objects that carry no names of ours: those stand on the payment at the processor that they are about."""


def nameless_intent(event: ProcessorEvent) -> str | None:
    """Which payment at the processor has to be asked whose it is, because we have not seen it yet."""
    payload = event.payload
    if payload.get("object") not in _NAMELESS or _by_reference(event, payload):
        return None
    intent = payload.get("payment_intent")
    return intent if isinstance(intent, str) else None


def is_about_method(event: ProcessorEvent) -> bool:
    """Whether it is about leaving a payment method, and no money."""
    payload = event.payload
    is_kind = payload.get("object") in ("setup_intent", "payment_method")
    return is_kind or "saved_method_id" in _mapping(payload.get("metadata"))


def method_of(event: ProcessorEvent) -> SavedMethod | None:
    """By our name for it, or by the processor's; ours again, if a restored database has forgotten it. None,
    with a note, when it was not saved here."""
    names = _mapping(event.payload.get("metadata"))
    named = names.get("saved_method_id")
    is_it = SavedMethod.reference == event.object_reference
    if named is not None:
        with suppress(ValueError):
            is_it = SavedMethod.id == UUID(str(named))
    found = SavedMethod.here().first(SavedMethod.processor_id == event.processor_id, is_it)
    found = found or methods_found.adopt(event, names)
    if found is None:
        event.handled(DeliveryState.IGNORED, "This payment method was not saved here.")
    return found


def subject_of(event: ProcessorEvent, names: Mapping[str, str] | None = None) -> Subject | None:
    """None, with a note on the event, when it is about somebody else's money or a payment made elsewhere.

    `names` are those of the payment at the processor where the event itself has none.
    """
    payload = event.payload
    named = names or _mapping(payload.get("metadata"))
    if named and _is_elsewhere(event, named):
        event.handled(DeliveryState.IGNORED, "It names another organization or processor.")
        return None
    payment = _by_name(event, named) or _by_reference(event, payload)
    if payment is None:
        event.handled(DeliveryState.IGNORED, "This payment was not started here.")
        return None
    is_page = payload.get("object") == "checkout.session"
    return Subject(payment, event.object_reference if is_page else None, _intent(event, payload))


def _is_elsewhere(event: ProcessorEvent, named: Mapping[str, Any]) -> bool:
    return any(named.get(key, value) != value for key, value in event.home.items())


def _by_name(event: ProcessorEvent, named: Mapping[str, Any]) -> Payment | None:
    try:
        payment_id = UUID(str(named.get("payment_id")))
    except ValueError:
        return None
    return Payment.here().first(Payment.id == payment_id, Payment.processor_id == event.processor_id)


def _by_reference(event: ProcessorEvent, payload: Mapping[str, Any]) -> Payment | None:
    """By the page, the payment at the processor, or its charge: whichever the event's object names."""
    mine, kind = Payment.processor_id == event.processor_id, payload.get("object")
    if kind == "checkout.session":
        page = Checkout.here().first(
            Checkout.processor_id == event.processor_id, Checkout.session_reference == event.object_reference
        )
        return Payment.here().get(page.payment_id) if page else None
    intent = _intent(event, payload)
    charge = event.object_reference if kind == "charge" else payload.get("charge")
    if intent:
        return Payment.here().first(mine, Payment.intent_reference == intent)
    return Payment.here().first(mine, Payment.charge_reference == charge) if charge else None


def _intent(event: ProcessorEvent, payload: Mapping[str, Any]) -> str | None:
    is_it = payload.get("object") == "payment_intent"
    named = event.object_reference if is_it else payload.get("payment_intent")
    return named if isinstance(named, str) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
