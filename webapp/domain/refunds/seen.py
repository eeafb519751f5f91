"""What the processor shows of refunds: our own, and those that somebody made there. Booked once each.

Asked any number of times, in any order: a state only moves forwards, and a failure is the last word.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from uuid import UUID

from webapp.core import audit
from webapp.core.db import database_time, db, new_id
from webapp.core.jobs import Job, later
from webapp.domain import approvals
from webapp.domain.payments import charge_seen, checkout_seen, disputes, disputes_seen
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.gateway import ProcessorPayment, ProcessorRefund
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.saved_charges import SavedCharge
from webapp.domain.payments.sighting import Sighting
from webapp.domain.refunds import booking
from webapp.domain.refunds.booking import Invoices
from webapp.domain.refunds.refund import Refund, RefundState

_STATES = {
    "succeeded": RefundState.SUCCEEDED,
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
_AT_THE_PROCESSOR = (RefundState.RELEASED, RefundState.PENDING)


def learn(checkout_id: UUID, sighting: Sighting, *, on: date, asked_at: datetime | None = None) -> Payment:
    """Everything that was seen at that moment: the payment first, then what went back of it."""
    invoices = booking.lock_invoices(Checkout.here().get(checkout_id).payment_id)
    payment = checkout_seen.learn(checkout_id, sighting, on=on)
    if sighting.payment is not None:
        _what_went_back(payment, sighting.payment, invoices, on=on, asked_at=asked_at)
    return payment


def learn_of_payment(
    payment_id: UUID, seen: ProcessorPayment, *, on: date, asked_at: datetime | None = None
) -> Payment:
    """The same for a payment that nobody made on a page of ours: a saved method was charged, or it is of
    before us."""
    invoices = booking.lock_invoices(payment_id)
    if SavedCharge.here().first(SavedCharge.payment_id == payment_id):
        payment = charge_seen.learn(payment_id, seen, on=on)
    else:
        payment = Payment.here().get(payment_id, lock=True)
    _what_went_back(payment, seen, invoices, on=on, asked_at=asked_at)
    return payment


def _what_went_back(
    payment: Payment, seen: ProcessorPayment, invoices: Invoices, *, on: date, asked_at: datetime | None
) -> None:
    """Refunds before disputes: a processor refunds nothing any more once a payment is disputed."""
    _take_note_of_all(payment, seen.refunds, invoices, on=on)
    if seen.disputes:
        disputes_seen.learn(payment, seen.disputes, invoices, asked_at=asked_at or database_time(), on=on)
        _give_way_to_disputes(payment, invoices, on=on)


def learn_of_refund(refund_id: UUID, seen: ProcessorRefund, *, on: date) -> None:
    """The processor's answer about a refund of ours."""
    held = booking.hold(refund_id)
    assert held.payment is not None, "A processor is asked about refunds of payments only"
    _move(held.refund, held.payment, seen, held.invoices, on=on)
    disputes_seen.cover(held.payment, held.invoices, on=on)


def _take_note_of_all(
    payment: Payment, seen: Iterable[ProcessorRefund], invoices: Invoices, *, on: date
) -> None:
    if payment.received_on is None:
        return
    for one in seen:
        refund = _known(payment, one) or _made_there(payment, one, on=on)
        if refund is not None:
            _move(refund, payment, one, invoices, on=on)


def _known(payment: Payment, seen: ProcessorRefund) -> Refund | None:
    """By the processor's reference, or by the name we gave it when its answer has not reached us yet."""
    found = Refund.here().first(Refund.processor_reference == seen.reference, lock=True)
    if found is not None:
        return found
    with suppress(ValueError):
        named = UUID(seen.metadata.get("refund_id", ""))
        return Refund.here().first(Refund.id == named, Refund.payment_id == payment.id, lock=True)
    return None


def _made_there(payment: Payment, seen: ProcessorRefund, *, on: date) -> Refund | None:
    """A row for a refund we did not ask for, or forgot in a restore. One that failed already is nothing."""
    if _state(seen) is RefundState.FAILED:
        return None
    _make_room(payment, seen.amount)
    payment.reserve(seen.amount)
    refund = Refund(
        id=new_id(),
        payment_id=payment.id,
        member_id=payment.member_id,
        chapter_id=payment.chapter_id,
        amount=seen.amount,
        state=RefundState.PENDING,
        processor_reference=seen.reference,
        refunded_on=on,
        reason="Made at the processor",
    )
    db.session.add(refund)
    db.session.flush()
    audit.record("refund_made_at_the_processor", refund, by=None, after={"amount": refund.amount})
    return refund


def _make_room(payment: Payment, amount: int) -> None:
    """The money is gone already, so whatever still waits for a second person gives way."""
    if amount <= payment.returnable:
        return
    for refund in _waiting(payment):
        if amount > payment.returnable:
            _withdraw(refund, payment, "The money was refunded at the processor meanwhile.")
    disputes.give_way(payment, amount)


def _give_way_to_disputes(payment: Payment, invoices: Invoices, *, on: date) -> None:
    """What the payer's bank took for good is given back by nobody else any more."""
    for refund in _waiting(payment):
        if not disputes_seen.cover(payment, invoices, on=on):
            return
        _withdraw(refund, payment, "The payer's bank took the money back meanwhile.")
    disputes_seen.cover(payment, invoices, on=on)


def _waiting(payment: Payment) -> Sequence[Refund]:
    """For a second person; the latest first."""
    return Refund.here().all(
        Refund.payment_id == payment.id, Refund.state == RefundState.REQUESTED, order_by=Refund.id.desc()
    )


def _withdraw(refund: Refund, payment: Payment, reason: str) -> None:
    booking.free(refund, payment, by=None)
    refund.end(RefundState.WITHDRAWN, by=None, reason=reason)
    approvals.lapse_about([refund.id], by=None, reason=reason)


def _move(refund: Refund, payment: Payment, seen: ProcessorRefund, invoices: Invoices, *, on: date) -> None:
    state = _state(seen)
    if refund.state in _AT_THE_PROCESSOR:
        refund.processor_reference = seen.reference
        if state is RefundState.SUCCEEDED:
            booking.book(refund, payment, invoices, on=on, by=None)
            _tell("refund_arrived", refund)
        elif state is RefundState.FAILED:
            booking.free(refund, payment, by=None)
            refund.fail(seen.failure)
        elif refund.state is RefundState.RELEASED:
            refund.state = RefundState.PENDING
            _tell("refund_submitted", refund)
    elif refund.state is RefundState.SUCCEEDED and state is RefundState.FAILED:
        refund.fail(seen.failure)
        booking.take_back(refund, payment, invoices, on=on)


def _state(seen: ProcessorRefund) -> RefundState:
    return _STATES.get(seen.state, RefundState.PENDING)


def _tell(what: str, refund: Refund) -> None:
    later(Job.ANNOUNCE, once=f"{what}:{refund.id}", what=what, refund_id=refund.id)
