"""What became of some payments at the processor: money given back, disputed, taken back by a bank.

It happens at the sandbox, and reaches the books the way it always does: somebody looks there.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from webapp import at_processor
from webapp.core.db import db, transaction
from webapp.demo import story
from webapp.demo.connection import ask
from webapp.domain.organizations import Chapter, Login, Organization
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.payment import Allocation, Method, Payment, PaymentState
from webapp.domain.refunds import requesting
from webapp.domain.refunds.refund import How, Refund
from webapp.domain.refunds.requesting import Terms
from webapp.workers.refunds import submit_refund


def tell(organization: Organization) -> None:
    """Once; a demo that has heard of disputes keeps its story, and one with few payments has none to tell."""
    with transaction():
        known = Dispute.here().first() is not None
        cards, debits = _latest(Method.CARD, 5), _latest(Method.ACH_DEBIT, 1)
    if known or len(cards) < 5 or not debits:
        return
    (contested, lost, refunded, failed, waiting), [returned] = cards, debits
    _act(contested.charge_reference, "dispute", reason="product_not_received")
    _act(_act(lost.charge_reference, "dispute", reason="fraudulent")["id"], "loss")
    _act(returned.charge_reference, "return")
    for payment in (contested, lost, returned):
        at_processor.look_at(payment)
    _give_back(refunded, 35_00, "Moved out in the middle of the term", organization)
    _act(_give_back(failed, 45_00, "Charged for a parking place nobody used", organization), "failure")
    at_processor.look_at(failed)
    _ask_for(waiting, 120_00, "Went to another university in October", organization)


def _latest(method: Method, most: int) -> Sequence[Payment]:
    """Of the treasurer's chapter, that came through the processor."""
    chapters = Chapter.here().select(Chapter.code == story.TREASURER[2]).with_only_columns(Chapter.id)
    found = Payment.here().select(
        Payment.chapter_id.in_(chapters), Payment.method == method, Payment.state == PaymentState.SUCCEEDED
    )
    return db.session.scalars(found.order_by(Payment.received_on.desc(), Payment.id).limit(most)).all()


def _give_back(payment: Payment, amount: int, reason: str, organization: Organization) -> str | None:
    """Within the cap, so the processor is asked at once; its name for the refund."""
    refund_id = _ask_for(payment, amount, reason, organization)
    submit_refund(refund_id)
    with transaction():
        return Refund.here().get(refund_id).processor_reference


def _ask_for(payment: Payment, amount: int, reason: str, organization: Organization) -> UUID:
    with transaction():
        treasurer = Login.by_email(story.TREASURER[1])
        settled = Allocation.here().first(Allocation.payment_id == payment.id)
        assert treasurer is not None and settled is not None, "Every payment of the story settles an invoice"
        terms = Terms(amount, How.ORIGINAL, reason)
        asked = requesting.request_refund(
            settled.invoice_id, payment.id, terms, by=treasurer, on=organization.today
        )
        return asked.refund.id


def _act(name: str | None, action: str, **values: str) -> Any:
    return ask("POST", f"/sandbox/objects/{name}/{action}", values)
