"""What the processor kept of a payment. Nothing is allocated before that is known and makes sense."""

from webapp.core import audit, money
from webapp.core.errors import Conflict, Invalid, Unavailable
from webapp.core.jobs import Job, later
from webapp.domain.organizations import Login
from webapp.domain.payments.gateway import ProcessorPayment
from webapp.domain.payments.payment import FeeState, Payment


class FeeNotKnownYet(Unavailable):
    """The processor says what it kept a little later; the look is repeated."""

    code = "fee-not-known"
    message = "The processor has not said yet what it kept of this payment."


def take_note(payment: Payment, seen: ProcessorPayment) -> None:
    """Confirm the fee, wait for it, or hold the payment until a person has looked."""
    if payment.fee_state is FeeState.CONFIRMED:
        return
    if seen.fee is None:
        if payment.fee_state is FeeState.NONE:
            payment.fee_state = FeeState.AWAITED
            later(Job.CONFIRM_FEE, once=str(payment.id), payment_id=payment.id)
        return
    payment.fee_error = _what_is_wrong(payment, seen.fee, seen.fee_currency)
    if payment.fee_error:
        payment.fee_state = FeeState.FAILED
    else:
        payment.fee_state, payment.fee = FeeState.CONFIRMED, seen.fee


def confirm_by_hand(payment: Payment, fee: int, *, reason: str, by: Login) -> None:
    """A person has read the real fee at the processor. Who, what and why stay in the audit trail."""
    if not payment.waits_for_its_fee:
        raise Conflict("This payment does not wait for its fee.")
    if not 0 <= fee <= payment.amount:
        sentence = "A fee lies between zero and the payment itself."
        raise Invalid(sentence, fields={"fee": sentence})
    before = {"fee_state": payment.fee_state, "fee_error": payment.fee_error}
    payment.fee_state, payment.fee, payment.fee_error = FeeState.CONFIRMED, fee, None
    audit.record("confirm_fee", payment, by=by, before=before, after={"fee": fee}, reason=reason)


def _what_is_wrong(payment: Payment, fee: int, currency: str | None) -> str | None:
    if currency != payment.currency:
        return f"The fee is in {currency}, the payment in {payment.currency}."
    if fee < 0:
        return "The fee is negative."
    if fee > payment.amount:
        shown = money.display(fee, payment.currency)
        return f"The fee of {shown} is more than the payment itself."
    return None
