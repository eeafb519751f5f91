"""Asking the processor to give money back: our row first, then the question, then what it answered.

The idempotency key is the refund's id. Keys are forgotten after a day, and a restored database forgets that
it asked, so whoever asks looks first whether it was done already.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from webapp.core import clock
from webapp.core.jobs import Job, later
from webapp.domain.payments.gateway import PaymentGateway, ProcessorRefund, RefundOrder
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.refunds import booking, seen
from webapp.domain.refunds.refund import Refund, RefundState

NEXT_LOOK = timedelta(days=1)
"""After how long a refund under way is looked at, should no webhook have brought its end."""


@dataclass(frozen=True)
class Submission:
    """A question to put to a processor."""

    refund_id: UUID
    processor: PaymentProcessor
    order: RefundOrder


def prepare(refund_id: UUID) -> Submission | None:
    """What to ask, and a note that it was asked. None when there is nothing to ask for any more."""
    refund = Refund.here().get(refund_id, lock=True)
    if refund.state is not RefundState.RELEASED:
        return None
    payment, processor = _where(refund)
    assert payment.intent_reference is not None, "A payment that came in has its name at the processor"
    refund.asked_at = clock.now()
    names = {
        "organization_id": refund.organization_id,
        "processor_id": processor.id,
        "payment_id": payment.id,
        "refund_id": refund.id,
    }
    order = RefundOrder(
        payment_reference=payment.intent_reference,
        amount=refund.amount,
        currency=payment.currency,
        metadata={name: str(row_id) for name, row_id in names.items()},
    )
    return Submission(refund.id, processor, order)


def submit(gateway: PaymentGateway, submission: Submission) -> ProcessorRefund:
    """Ask, once for ever: by a look for the refund of before, and then with the same key."""
    name = str(submission.refund_id)
    made = gateway.read_payment(submission.order.payment_reference).refunds
    found = next((one for one in made if one.metadata.get("refund_id") == name), None)
    return found or gateway.create_refund(submission.order, idempotency_key=name)


def answered(refund_id: UUID, answer: ProcessorRefund, *, on: date) -> None:
    """What the processor made of it. While it is under way, somebody looks again."""
    seen.learn_of_refund(refund_id, answer, on=on)
    if Refund.here().get(refund_id).state is RefundState.PENDING:
        later(
            Job.LOOK_UP_REFUND,
            at=clock.now() + NEXT_LOOK,
            once=f"{refund_id}:{on.isoformat()}",
            refund_id=refund_id,
        )


def refused(refund_id: UUID, sentence: str) -> None:
    """The processor said no, so nothing went back and nothing is held for it any more.

    It may know of a dispute, or of a refund made there, that we have not heard of: somebody looks.
    """
    held = booking.hold(refund_id)
    if held.refund.state is not RefundState.RELEASED:
        return
    booking.free(held.refund, held.payment, by=None)
    held.refund.fail(sentence)
    if held.payment is not None and held.payment.intent_reference is not None:
        later(Job.LOOK_UP_PAYMENT, once=f"refused:{refund_id}", payment_id=held.payment.id)


def under_way(refund_id: UUID) -> tuple[PaymentProcessor, str] | None:
    """Where to look for a refund that has not ended, and under which name."""
    refund = Refund.here().get(refund_id)
    if refund.state is not RefundState.PENDING or refund.processor_reference is None:
        return None
    return _where(refund)[1], refund.processor_reference


def _where(refund: Refund) -> tuple[Payment, PaymentProcessor]:
    assert refund.payment_id is not None, "A processor gives back payments only"
    payment = Payment.here().get(refund.payment_id)
    assert payment.processor_id is not None, "Only a processor's payment goes back through one"
    return payment, PaymentProcessor.here().get(payment.processor_id)
