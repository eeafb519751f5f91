"""What we learn about a checkout from its page and the payment made on it, at any moment and in any order."""

from datetime import date
from uuid import UUID

from sqlalchemy import func

from webapp.core.jobs import Job, later
from webapp.domain.payments import checkout, receiving
from webapp.domain.payments.checkout import CheckoutState, Held
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.payments.receiving import NotOurs
from webapp.domain.payments.sighting import Sighting


def learn(checkout_id: UUID, sighting: Sighting, *, on: date) -> Payment:
    """Bring our rows up to what was seen. Any number of times: states only move forwards."""
    held = checkout.hold(checkout_id)
    _check(held, sighting)
    held.checkout.opened(sighting.page)
    if sighting.payment is not None:
        receiving.copy(held.payment, sighting.payment)
    if held.payment.state is PaymentState.UNKNOWN:
        held.payment.state = PaymentState.STARTED
    if held.payment.advance(sighting.state):
        _MOVES[sighting.state](held)
    receiving.take_fee(_taking(held), sighting.payment, on=on)
    return held.payment


def _taking(held: Held) -> receiving.Held:
    return receiving.Held(held.payment, [held.invoice])


def _check(held: Held, sighting: Sighting) -> None:
    payment, page, seen = held.payment, sighting.page, sighting.payment
    if page.metadata.get("checkout_id") != str(held.checkout.id):
        raise NotOurs
    sums = [(page.amount, page.currency)] + ([(seen.amount, seen.currency)] if seen else [])
    if any(found != (payment.amount, payment.currency) for found in sums):
        raise NotOurs("The processor shows another amount than this checkout asked for.")


def _succeeded(held: Held) -> None:
    held.checkout.close(as_=CheckoutState.PAID)
    held.payment.settled_at = func.now()
    held.payment.failure_code = held.payment.failure_message = None
    receiving.mark_processing(_taking(held))


def _processing(held: Held) -> None:
    held.checkout.close(as_=CheckoutState.PROCESSING)
    receiving.mark_processing(_taking(held))


def _failed(held: Held) -> None:
    held.checkout.close()
    receiving.mark_processing(_taking(held))
    later(
        Job.ANNOUNCE,
        once=f"payment_failed:{held.payment.id}",
        what="payment_failed",
        payment_id=held.payment.id,
    )


def _expired(held: Held) -> None:
    held.checkout.close()


_MOVES = {
    PaymentState.SUCCEEDED: _succeeded,
    PaymentState.PROCESSING: _processing,
    PaymentState.FAILED: _failed,
    PaymentState.EXPIRED: _expired,
}
