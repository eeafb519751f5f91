"""Telling the payer's bank, through the processor, why a payment was right, or that it was not."""

from uuid import UUID

from webapp import at_processor, wiring
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.notifications import evidence
from webapp.domain.notifications.evidence import Records
from webapp.domain.organizations import Organization
from webapp.domain.payments.disputes import AnswerState, Dispute, DisputeAnswer
from webapp.domain.payments.gateway import GatewayRefused, PaymentGateway
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import PaymentProcessor


def send_dispute_answer(answer_id: UUID) -> None:
    """Said under the answer's own id, so twice is once; then we look what the processor made of it."""
    with transaction():
        answer = DisputeAnswer.here().get(answer_id)
        dispute = Dispute.here().get(answer.dispute_id)
        payment = Payment.here().get(dispute.payment_id)
    if answer.state is AnswerState.PROMISED:
        _settle(answer_id, _say(answer, dispute, payment))
    at_processor.look_at(payment)


def _say(answer: DisputeAnswer, dispute: Dispute, payment: Payment) -> str | None:
    """Why the processor did not take it; None when it did."""
    assert payment.processor_id is not None, "Only processors tell of disputes"
    with transaction():
        processor = PaymentProcessor.here().get(payment.processor_id)
        records = _records(dispute, answer.statement) if answer.statement is not None else None
    try:
        with at_processor.asking(processor) as gateway:
            _hand_in(gateway, answer, dispute, records)
    except GatewayRefused as refusal:
        return refusal.message
    return None


def _records(dispute: Dispute, statement: str) -> Records:
    organization = db.session.get_one(Organization, tenancy.organization_id())
    test_mode = wiring.settings().test_mode
    found = db.session.scalars(evidence.with_payer(Dispute.id == dispute.id)).one()
    return evidence.records_of(found, organization, statement=statement, test_mode=test_mode)


def _hand_in(
    gateway: PaymentGateway, answer: DisputeAnswer, dispute: Dispute, records: Records | None
) -> None:
    if records is None:
        gateway.accept_dispute(dispute.reference, idempotency_key=str(answer.id))
        return
    told = evidence.for_the_bank(
        records, wiring.printer().draw_sheet("dispute_records", records, {"records": records})
    )
    gateway.answer_dispute(dispute.reference, told, idempotency_key=str(answer.id))


def _settle(answer_id: UUID, refusal: str | None) -> None:
    with transaction():
        DisputeAnswer.here().get(answer_id, lock=True).settle(refusal)
