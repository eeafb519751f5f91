"""What happened to an invoice, in order: from the documents themselves.

Only what leaves no document, such as a new pay link, is read from the audit trail.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, literal, null, select, union
from sqlalchemy.orm import joinedload

from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db
from webapp.domain.billing import pay_link
from webapp.domain.billing.adjustments import AdjustmentState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.payments import meant
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
    found = [Happening(invoice.created_at, "issued", amount=invoice.billed), *beside]
    if invoice.first_opened_at:
        found.append(Happening(invoice.first_opened_at, "opened"))
    if invoice.voided_at:
        by = invoice.voided_by.name if invoice.voided_by else None
        found.append(Happening(invoice.voided_at, "voided", by, detail=invoice.void_reason))
    found += [*_payments(invoice), *_refunds(invoice), *_new_links(invoice)]
    found += _adjustments(invoice)
    return sorted(found, key=lambda happening: happening.at)


def _payments(invoice: Invoice) -> list[Happening]:
    """What was paid, with credit as well, what of it was taken back, and what was tried in vain."""
    found = []
    for row in db.session.execute(_money_paid(invoice).union_all(_credit_used(invoice))):
        how = row.note or _how(row)
        if row.state in _NOT_IN:
            why = row.failure_message or how
            found.append(Happening(row.tried_at, _NOT_IN[row.state], None, row.tried, why))
        elif row.settled_at:
            found.append(Happening(row.settled_at, "paid", amount=row.settled, detail=how))
            if row.undone_at:
                undone = "credit_undone" if row.note else "payment_undone"
                found.append(Happening(row.undone_at, undone, amount=row.settled, detail=row.note))
    return found


def _money_paid(invoice: Invoice) -> Select[*tuple[Any, ...]]:
    settles = (Allocation.organization_id == invoice.organization_id) & (Allocation.invoice_id == invoice.id)
    tried = meant.PARTS.c
    tries = (tried.organization_id == invoice.organization_id) & (tried.invoice_id == invoice.id)
    concerned = union(select(Allocation.payment_id).where(settles), meant.payments_for(invoice.id))
    return (
        select(
            Payment.state,
            Payment.failure_message,
            Payment.payer_detail,
            Payment.method,
            tried.created_at.label("tried_at"),
            tried.amount.label("tried"),
            Allocation.allocated_at.label("settled_at"),
            Allocation.amount.label("settled"),
            Allocation.undone_at,
            null().label("note"),
        )
        .outerjoin(Allocation, settles & (Allocation.payment_id == Payment.id))
        .outerjoin(meant.PARTS, tries & (tried.payment_id == Payment.id))
        .where(Payment.organization_id == invoice.organization_id, Payment.id.in_(concerned))
    )


def _credit_used(invoice: Invoice) -> Select[*tuple[Any, ...]]:
    """In the same columns."""
    return (
        select(
            null(),
            null(),
            null(),
            null(),
            null(),
            null(),
            CreditApplication.applied_at,
            CreditApplication.amount,
            CreditApplication.undone_at,
            literal("credit note ") + CreditNote.number,
        )
        .join(CreditApplication.note)
        .where(
            CreditApplication.organization_id == invoice.organization_id,
            CreditApplication.invoice_id == invoice.id,
        )
    )


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
        AuditEntry.action == pay_link.RENEWED,
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


def _how(paid: Row[Any]) -> str:
    return str(paid.payer_detail or paid.method.value.replace("_", " "))
