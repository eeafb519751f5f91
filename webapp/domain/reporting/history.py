"""What happened to an invoice, in order: from the documents themselves.

Only what leaves no document, such as a new pay link, is read from the audit trail.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, union
from sqlalchemy.orm import joinedload

from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db
from webapp.domain.billing.adjustments import AdjustmentState
from webapp.domain.billing.invoice import PAY_LINK_RENEWED, Invoice
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.payment import Allocation, Payment, PaymentState
from webapp.domain.refunds.refund import Refund, RefundPart

_NOT_IN = {PaymentState.PROCESSING: "under_way", PaymentState.FAILED: "payment_failed"}


@dataclass(frozen=True)
class Happening:
    """`what` names the kind for wording and colour; `amount` in minor units where one belongs to it."""

    at: datetime
    what: str
    by: str | None = None
    amount: int | None = None
    detail: str | None = None


def of_invoice(invoice: Invoice, *beside: Happening) -> list[Happening]:
    """The documents' story, with what others know beside it (mails), in order of time."""
    found = [*beside, Happening(invoice.created_at, "issued", amount=invoice.billed)]
    if invoice.first_opened_at:
        found.append(Happening(invoice.first_opened_at, "opened"))
    if invoice.voided_at:
        by = invoice.voided_by.name if invoice.voided_by else None
        found.append(Happening(invoice.voided_at, "voided", by, detail=invoice.void_reason))
    found += [*_payments(invoice), *_refunds(invoice), *_new_links(invoice)]
    found += _adjustments(invoice)
    return sorted(found, key=lambda happening: happening.at)


def _payments(invoice: Invoice) -> list[Happening]:
    """What was paid, what of it does not settle this any more, and what was tried and did not come in."""
    settles = (Allocation.organization_id == invoice.organization_id) & (Allocation.invoice_id == invoice.id)
    tries = (Checkout.organization_id == invoice.organization_id) & (Checkout.invoice_id == invoice.id)
    meant = union(select(Allocation.payment_id).where(settles), select(Checkout.payment_id).where(tries))
    rows = db.session.execute(
        select(Payment, Allocation, Checkout)
        .outerjoin(Allocation, settles & (Allocation.payment_id == Payment.id))
        .outerjoin(Checkout, tries & (Checkout.payment_id == Payment.id))
        .where(Payment.organization_id == invoice.organization_id, Payment.id.in_(meant))
    ).all()
    found = []
    for payment, part, attempt in rows:
        if payment.state in _NOT_IN:
            why = payment.failure_message or _how(payment)
            found.append(Happening(attempt.created_at, _NOT_IN[payment.state], None, attempt.amount, why))
        elif part:
            found.append(Happening(part.allocated_at, "paid", amount=part.amount, detail=_how(payment)))
            if part.undone_at:
                found.append(Happening(part.undone_at, "payment_undone", amount=part.amount))
    return found


def _refunds(invoice: Invoice) -> list[Happening]:
    """What was asked for this invoice, and what went back of it at the processor itself."""
    booked = select(RefundPart.refund_id).where(
        RefundPart.organization_id == tenancy.organization_id(), RefundPart.invoice_id == invoice.id
    )
    refunds = db.session.scalars(
        Refund.here()
        .select((Refund.invoice_id == invoice.id) | Refund.id.in_(booked))
        .options(joinedload(Refund.requested_by))
    )
    return [
        Happening(
            one.released_at or one.created_at,
            f"refund_{one.state.value}",
            one.requested_by.name if one.requested_by else None,
            one.amount,
            one.note or one.reason,
        )
        for one in refunds
    ]


def _new_links(invoice: Invoice) -> list[Happening]:
    if invoice.pay_link_version == 1:
        return []
    made = AuditEntry.here().all(
        AuditEntry.subject_kind == Invoice.__tablename__,
        AuditEntry.subject_id == invoice.id,
        AuditEntry.action == PAY_LINK_RENEWED,
    )
    return [Happening(one.at, "link_renewed", one.by_name) for one in made]


def _adjustments(invoice: Invoice) -> list[Happening]:
    """What was asked for, and what was said to it; needs their logins."""
    found = []
    for one in invoice.adjustments:
        asked_by = one.requested_by.name if one.requested_by else None
        if one.state is not AdjustmentState.APPROVED or one.decided_by:
            found.append(Happening(one.created_at, "adjustment_requested", asked_by, one.amount, one.told))
        if one.decided_at:
            by = one.decided_by.name if one.decided_by else asked_by
            what = one.direction.value if one.state is AdjustmentState.APPROVED else "adjustment_denied"
            found.append(Happening(one.decided_at, what, by, one.amount, one.decision_reason or one.told))
    return found


def _how(payment: Payment) -> str:
    return payment.payer_detail or payment.method.value.replace("_", " ")
