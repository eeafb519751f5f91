"""What is not over yet about an invoice: refunds on their way, and payments that the bank contests."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, Text, and_, cast, null, select, union_all

from webapp.core.db import db
from webapp.domain.approvals import OPEN, ApprovalRequest
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments import meant
from webapp.domain.payments.disputes import UNDECIDED, Dispute
from webapp.domain.payments.payment import Allocation
from webapp.domain.refunds.refund import UNFINISHED, Refund


class Unsettled(NamedTuple):
    """A refund, with the request that it waits for if it waits for one, or a dispute, with its kind.

    `amount` in minor units.
    """

    amount: int
    state: str
    payment_id: UUID
    reason: str | None
    request_id: UUID | None
    dispute_id: UUID | None
    dispute_kind: str | None


def of_invoice(invoice: Invoice) -> Sequence[Unsettled]:
    """Refunds first, in one question."""
    found = db.session.execute(union_all(_refunds(invoice), _disputes(invoice)))
    return sorted((Unsettled(*row) for row in found), key=lambda one: one.dispute_id is not None)


def _refunds(invoice: Invoice) -> Select[*tuple[Any, ...]]:
    waiting = and_(
        ApprovalRequest.organization_id == Refund.organization_id,
        ApprovalRequest.subject_id == Refund.id,
        ApprovalRequest.state.in_(OPEN),
    )
    return (
        select(
            Refund.amount,
            cast(Refund.state, Text),
            Refund.payment_id,
            Refund.reason,
            ApprovalRequest.id,
            null(),
            null(),
        )
        .outerjoin(ApprovalRequest, waiting)
        .where(
            Refund.organization_id == invoice.organization_id,
            Refund.invoice_id == invoice.id,
            Refund.state.in_(UNFINISHED),
        )
    )


def _disputes(invoice: Invoice) -> Select[*tuple[Any, ...]]:
    """Of what settles it, settled it, or was meant for it; in the same columns."""
    here = invoice.organization_id
    settles = select(Allocation.payment_id).where(
        Allocation.organization_id == here, Allocation.invoice_id == invoice.id
    )
    return select(
        Dispute.amount,
        cast(Dispute.state, Text),
        Dispute.payment_id,
        null(),
        null(),
        Dispute.id,
        cast(Dispute.kind, Text),
    ).where(
        Dispute.organization_id == here,
        Dispute.payment_id.in_(settles.union(meant.payments_for(invoice.id))),
        Dispute.state.in_(UNDECIDED),
    )
