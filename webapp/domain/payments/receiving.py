"""What we learn about payments from a processor, at any moment and in any order."""

from datetime import date
from uuid import UUID

from sqlalchemy import and_, func, or_

from webapp.core import audit
from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import fill
from webapp.domain.organizations import Login
from webapp.domain.payments import allocation, fees
from webapp.domain.payments.checkout import Checkout, CheckoutState, Held, hold
from webapp.domain.payments.gateway import ProcessorPayment
from webapp.domain.payments.offline import promise_receipt
from webapp.domain.payments.payment import FeeState, Method, Payment, PaymentState
from webapp.domain.payments.sighting import Sighting


class NotOurs(Conflict):
    """The object at the processor names other rows, or another sum, than the checkout it was found by."""

    code = "not-ours"
    message = "What the processor shows does not belong to this checkout."
    next_step = "Compare the payment with the processor's own page."


def learn(checkout_id: UUID, sighting: Sighting, *, on: date) -> Payment:
    """Bring our rows up to what was seen. Any number of times, in any order: states only move forwards."""
    held = hold(checkout_id)
    _check(held, sighting)
    held.checkout.opened(sighting.page)
    if sighting.payment is not None:
        _copy(held.payment, sighting.payment)
    if held.payment.state is PaymentState.UNKNOWN:
        held.payment.state = PaymentState.STARTED
    if held.payment.advance(sighting.state):
        _MOVES[sighting.state](held)
    if held.payment.waits_for_its_fee and sighting.payment is not None:
        fees.take_note(held.payment, sighting.payment)
        receive_if_ready(held, on=on, by=None)
    return held.payment


def receive_if_ready(held: Held, *, on: date, by: Login | None) -> None:
    """Book the payment once its fee is confirmed; what the invoice doesn't need becomes a credit note."""
    payment = held.payment
    if not payment.waits_for_its_fee or payment.fee_state is not FeeState.CONFIRMED:
        return
    settled = list(fill(payment.amount, [held.invoice]))
    allocation.receive(payment, settled, on=on, today=on, by=by)
    received = {"amount": payment.amount, "fee": payment.fee, "credited_amount": payment.credited}
    audit.record("payment_received", payment, by=by, after=received)
    _mark_processing(held.invoice)
    promise_receipt(payment)
    if payment.credited:
        later(Job.ANNOUNCE, once=f"paid_twice:{payment.id}", what="paid_twice", payment_id=payment.id)
    if by is not None:
        later(Job.LOOK_UP_CHECKOUT, checkout_id=held.checkout.id)


def _check(held: Held, sighting: Sighting) -> None:
    payment, page, seen = held.payment, sighting.page, sighting.payment
    if page.metadata.get("checkout_id") != str(held.checkout.id):
        raise NotOurs
    sums = [(page.amount, page.currency)] + ([(seen.amount, seen.currency)] if seen else [])
    if any(found != (payment.amount, payment.currency) for found in sums):
        raise NotOurs("The processor shows another amount than this checkout asked for.")


def _copy(payment: Payment, seen: ProcessorPayment) -> None:
    payment.intent_reference = seen.reference
    payment.charge_reference = seen.charge_reference or payment.charge_reference
    payment.payer_detail = seen.payer_detail or payment.payer_detail
    if seen.method in list(Method):
        payment.method = Method(seen.method)
    if payment.state is not PaymentState.SUCCEEDED:
        payment.failure_code, payment.failure_message = seen.failure_code, seen.failure_message


def _succeeded(held: Held) -> None:
    held.checkout.close(as_=CheckoutState.PAID)
    held.payment.settled_at = func.now()
    held.payment.failure_code = held.payment.failure_message = None
    _mark_processing(held.invoice)


def _processing(held: Held) -> None:
    held.checkout.close(as_=CheckoutState.PROCESSING)
    _mark_processing(held.invoice)


def _failed(held: Held) -> None:
    held.checkout.close()
    _mark_processing(held.invoice)
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


def _mark_processing(invoice: Invoice) -> None:
    """Whether money for this invoice is on its way: a debit, or a payment that waits for its fee."""
    db.session.flush()
    on_its_way = (
        Checkout.here()
        .select(Checkout.invoice_id == invoice.id)
        .join(Checkout.payment)
        .where(
            or_(
                Payment.state == PaymentState.PROCESSING,
                and_(Payment.state == PaymentState.SUCCEEDED, Payment.received_on.is_(None)),
            )
        )
    )
    invoice.set_processing(db.session.scalars(on_its_way.limit(1)).first() is not None)
