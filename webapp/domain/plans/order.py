"""A plan as an order: everything that accepting it would do, so that what was approved is what is done."""

from typing import Any

from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.plans.plan import PaymentPlan, PlanInvoice
from webapp.domain.plans.terms import schedule


def order_of(plan: PaymentPlan) -> dict[str, Any]:
    """Also with nothing of it in the order that a later payment could change."""
    parts = schedule(plan.total, plan.terms)
    return {
        "plan": str(plan.id),
        "member": str(plan.member_id),
        "proposed_by": "member" if plan.by_member else "officer",
        "amount": plan.total,
        "currency": plan.currency,
        "down_payment": plan.down_payment,
        "installments": plan.installments,
        "largest_installment": max(part.amount for part in parts if part.position),
        "first_due": parts[-plan.installments].due_on,
        "last_due": parts[-1].due_on,
        "interest_rate": plan.rate,
        "invoices": ", ".join(invoice.number for _, invoice in invoices_of(plan)),
        "replaces": str(plan.replaces_id) if plan.replaces_id else None,
    }


def invoices_of(plan: PaymentPlan) -> list[tuple[PlanInvoice, Invoice]]:
    """Oldest first, which is the order in which they are paid."""
    both = (PlanInvoice.organization_id == Invoice.organization_id) & (PlanInvoice.invoice_id == Invoice.id)
    found = PlanInvoice.here().select(PlanInvoice.plan_id == plan.id).add_columns(Invoice).join(Invoice, both)
    return [(one, invoice) for one, invoice in db.session.execute(found.order_by(Invoice.due_on, Invoice.id))]
