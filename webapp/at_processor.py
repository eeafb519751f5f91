"""Asking a processor, between two transactions: our rows first, then the question, then what it says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from webapp import wiring
from webapp.core import clock, failpoints
from webapp.core.db import database_time, transaction
from webapp.domain.organizations import Organization
from webapp.domain.payments import circuit, method_setups
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.gateway import (
    GatewayBusy,
    GatewayRefused,
    GatewayUnavailable,
    PaymentGateway,
)
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.payments.saved_methods import SavedMethod
from webapp.domain.payments.sighting import look
from webapp.domain.refunds.seen import learn, learn_of_payment


@contextmanager
def asking(processor: PaymentProcessor) -> Iterator[PaymentGateway]:
    """The account, unless it has kept silent lately. Whether it answers is noted for whoever asks next."""
    circuit.refuse_while_open(processor, now=clock.now())
    try:
        yield wiring.gateway_for(processor)
    except GatewayBusy:
        raise
    except GatewayUnavailable:
        with transaction():
            circuit.note_silence(processor.id, now=clock.now())
        raise
    failpoints.passing("answered")
    if processor.silences:
        with transaction():
            circuit.note_answer(processor.id)


def look_up(checkout_id: UUID, *, reference: str | None = None) -> Payment:
    """Ask the processor what became of a checkout, between two transactions, and learn from the answer."""
    with transaction():
        asked_at = database_time()
        checkout = Checkout.here().get(checkout_id)
        processor = PaymentProcessor.here().get(checkout.processor_id)
        payment = Payment.here().get(checkout.payment_id)
    with asking(processor) as gateway:
        sighting = look(gateway, checkout, payment.currency, reference=reference)
    with transaction() as session:
        organization = session.get_one(Organization, checkout.organization_id)
        return learn(checkout_id, sighting, on=organization.today, asked_at=asked_at)


def look_at(payment: Payment, *, page: str | None = None, intent: str | None = None) -> None:
    """The same for any payment: by its page, or straight at it when it was not made on a page of ours.

    What nobody knows by name yet is being asked for: whoever asks learns the answer.
    """
    with transaction():
        asked_at = database_time()
        checkout = Checkout.here().first(Checkout.payment_id == payment.id)
        processor = PaymentProcessor.here().first(PaymentProcessor.id == payment.processor_id)
    if checkout is not None:
        look_up(checkout.id, reference=page)
        return
    known = payment.intent_reference or intent
    if processor is None or known is None:
        return
    with asking(processor) as gateway:
        seen = gateway.read_payment(known)
    with transaction() as session:
        organization = session.get_one(Organization, payment.organization_id)
        learn_of_payment(payment.id, seen, on=organization.today, asked_at=asked_at)


def look_up_method(method_id: UUID, *, reference: str | None = None) -> SavedMethod:
    """The same for the page on which a payment method is left."""
    with transaction():
        question = method_setups.question(method_id)
    with asking(question.processor) as gateway:
        answer = method_setups.look(gateway, question, reference=reference)
    with transaction():
        return method_setups.learn(method_id, answer)


def look_at_method(method_id: UUID, *, detach: bool = False) -> None:
    """The same for a method that was saved. `detach`: the processor shall let go of it."""
    with transaction():
        method = SavedMethod.here().get(method_id)
        processor = PaymentProcessor.here().get(method.processor_id)
    assert method.reference is not None, "A saved method has its name at the processor"
    with asking(processor) as gateway:
        ask = gateway.detach_method if detach else gateway.read_method
        seen = ask(method.reference)
    with transaction():
        method_setups.learn_of_method(method_id, seen)


def names_at_processor(processor_id: UUID, intent: str) -> Mapping[str, str]:
    """Whose payment it is, as its metadata at the processor says; empty when it is not there."""
    with transaction():
        processor = PaymentProcessor.here().get(processor_id)
    with asking(processor) as gateway:
        try:
            return gateway.read_payment(intent).metadata
        except GatewayRefused:
            return {}
