"""Looking at the processor: for one checkout, for an event, for a fee, and for what no webhook brought; and
posting what came together.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from webapp import at_processor
from webapp.core import clock, tenancy
from webapp.core.db import database_time, transaction
from webapp.core.errors import Conflict, Refusal
from webapp.domain.organizations import Organization
from webapp.domain.payments import batch_posting, checkout, closing_pages, inbox, reactions
from webapp.domain.payments.fees import FeeNotKnownYet
from webapp.domain.payments.gateway import GatewayRefused
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import FeeState, Payment
from webapp.domain.payments.processor import PaymentProcessor

OVERLAP = timedelta(hours=1)


def look_up_checkout(checkout_id: UUID) -> None:
    try:
        at_processor.look_up(checkout_id)
    except GatewayRefused as refusal:
        with transaction():
            checkout.refused(checkout_id, refusal.message)


def close_checkout(invoice_id: UUID) -> None:
    with transaction():
        closing = closing_pages.begin_closing(invoice_id, now=clock.now())
    if closing is not None:
        look_up_checkout(closing.id)


def look_up_payment(payment_id: UUID) -> None:
    with transaction():
        payment = Payment.here().get(payment_id)
    at_processor.look_at(payment)


def confirm_fee(payment_id: UUID) -> None:
    look_up_payment(payment_id)
    with transaction():
        payment = Payment.here().get(payment_id)
    if payment.fee_state is FeeState.AWAITED:
        raise FeeNotKnownYet


def react_to_event(event_id: UUID) -> None:
    with transaction():
        event = ProcessorEvent.here().get(event_id)
        is_about_method = reactions.is_about_method(event)
    look = _about_method(event_id) if is_about_method else _about_payment(event_id)
    if look is None:
        return
    state, note = DeliveryState.DONE, None
    try:
        look()
    except (GatewayRefused, Conflict) as refusal:
        state, note = DeliveryState.FAILED, refusal.message
    with transaction():
        ProcessorEvent.here().get(event_id, lock=True).handled(state, note)


def _about_payment(event_id: UUID) -> Callable[[], object] | None:
    """How to find out what has become of it; None when it is not ours."""
    with transaction():
        event = ProcessorEvent.here().get(event_id)
        nameless = reactions.nameless_intent(event)
    names = at_processor.names_at_processor(event.processor_id, nameless) if nameless else None
    with transaction():
        subject = reactions.subject_of(ProcessorEvent.here().get(event_id), names)
    if subject is None:
        return None
    return partial(at_processor.look_at, subject.payment, page=subject.page, intent=subject.intent)


def _about_method(event_id: UUID) -> Callable[[], object] | None:
    with transaction():
        event = ProcessorEvent.here().get(event_id)
        method = reactions.method_of(event)
    if method is None:
        return None
    kind = event.payload.get("object")
    if kind == "payment_method":
        return partial(at_processor.look_at_method, method.id)
    page = event.object_reference if kind == "checkout.session" else None
    return partial(at_processor.look_up_method, method.id, reference=page)


def post_receipts(batch_id: UUID) -> None:
    """All of the batch in one transaction, or nothing, and the draft says why."""
    try:
        with transaction() as session:
            organization = session.get_one(Organization, tenancy.organization_id())
            batch_posting.carry_out(batch_id, organization)
    except Refusal as refusal:
        with transaction():
            batch_posting.give_up(batch_id, refusal.message)


def look_through_events() -> None:
    with transaction():
        processors = PaymentProcessor.here().all()
    for processor in processors:
        look_through(processor)


def look_through(processor: PaymentProcessor) -> None:
    with transaction():
        started = database_time()
    since = (processor.events_seen_until or processor.created_at) - OVERLAP
    with at_processor.asking(processor) as gateway:
        notices = list(gateway.recent_notices(since))
    for notice in notices:
        with transaction() as session:
            ask = partial(tenancy.ask_inside, session.connection())
            taken = inbox.take_in(ask, processor, notice, found_by=inbox.BY_LOOKING)
        taken.nudge()
    with transaction():
        PaymentProcessor.here().get(processor.id, lock=True).events_seen_until = started
