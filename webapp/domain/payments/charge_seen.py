"""What we learn about a charge of a saved method, at any moment and in any order."""

from datetime import date
from uuid import UUID

from sqlalchemy import func

from webapp.core.jobs import Job, later
from webapp.domain.payments import receiving
from webapp.domain.payments.gateway import ChargeState, ProcessorPayment
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.payments.receiving import Held, NotOurs
from webapp.domain.payments.saved_charges import UNANSWERED, SavedCharge

REFUSED = "method_refused"
"""Our word for a charge that the processor would not even try."""

_STATES = {
    ChargeState.SUCCEEDED: PaymentState.SUCCEEDED,
    ChargeState.PROCESSING: PaymentState.PROCESSING,
    ChargeState.WAITING: PaymentState.FAILED,
    ChargeState.FAILED: PaymentState.FAILED,
}
"""Nobody is there to try another card, so a charge that waits for one has failed."""


def learn(payment_id: UUID, seen: ProcessorPayment, *, on: date) -> Payment:
    """Bring our rows up to what was seen. Any number of times: states only move forwards."""
    held = receiving.hold(payment_id)
    if seen.metadata.get("payment_id") != str(payment_id):
        raise NotOurs
    if (seen.amount, seen.currency) != (held.payment.amount, held.payment.currency):
        raise NotOurs("The processor shows another amount than was asked for.")
    receiving.copy(held.payment, seen)
    _move(held, _STATES[seen.state])
    receiving.take_fee(held, seen, on=on)
    return held.payment


def asked_in_vain(payment_id: UUID) -> None:
    """No answer: it may be charged or not. The next look finds out, or asks the same with the same key."""
    payment = Payment.here().get(payment_id, lock=True)
    if payment.state is PaymentState.STARTED:
        payment.state = PaymentState.UNKNOWN


def refused(payment_id: UUID, sentence: str) -> None:
    """The processor tried nothing, for instance because it does not know the method any more."""
    held = receiving.hold(payment_id)
    held.payment.failure_code, held.payment.failure_message = REFUSED, sentence
    _move(held, PaymentState.FAILED)


def drop(payment_id: UUID, *, because: str | None = None) -> None:
    """It was not charged as far as anybody can see: not wanted any more, or refused."""
    held = receiving.hold(payment_id)
    if held.payment.state in UNANSWERED:
        held.payment.failure_message = because
        _move(held, PaymentState.EXPIRED)


def _move(held: Held, state: PaymentState) -> None:
    payment = held.payment
    if not payment.advance(state):
        return
    charge = SavedCharge.of(payment.id)
    assert charge is not None, "It is about a charge of a saved method"
    charge.live = state is PaymentState.PROCESSING
    if state is PaymentState.SUCCEEDED:
        payment.settled_at = func.now()
        payment.failure_code = payment.failure_message = None
    elif state is PaymentState.FAILED:
        later(Job.ANNOUNCE, once=f"autopay_failed:{payment.id}", what="autopay_failed", payment_id=payment.id)
    receiving.mark_processing(held)
