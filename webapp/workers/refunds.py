"""Giving money back through a processor, and looking what became of it."""

from uuid import UUID

from webapp import at_processor
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.domain.organizations import Organization
from webapp.domain.payments.gateway import GatewayRefused, ProcessorRefund
from webapp.domain.refunds import submission


def submit_refund(refund_id: UUID) -> None:
    with transaction():
        prepared = submission.prepare(refund_id)
    if prepared is None:
        return
    try:
        with at_processor.asking(prepared.processor) as gateway:
            answer = submission.submit(gateway, prepared)
    except GatewayRefused as refusal:
        with transaction():
            submission.refused(refund_id, refusal.message)
        return
    _answered(refund_id, answer)


def look_up_refund(refund_id: UUID) -> None:
    with transaction():
        known = submission.under_way(refund_id)
    if known is None:
        return
    processor, reference = known
    with at_processor.asking(processor) as gateway:
        answer = gateway.read_refund(reference)
    _answered(refund_id, answer)


def _answered(refund_id: UUID, answer: ProcessorRefund) -> None:
    with transaction() as session:
        organization = session.get_one(Organization, tenancy.organization_id())
        submission.answered(refund_id, answer, on=organization.today)
