"""How a kept plan ends: paid off, not kept, or called off."""

from collections.abc import Sequence, Set
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import exists, func, select

from webapp.core.db import db
from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Login, Organization
from webapp.domain.plans.following import steps
from webapp.domain.plans.plan import PaymentPlan, PlanInvoice, PlanState
from webapp.domain.plans.proposing import free_invoices, tell


def cancel(plan: PaymentPlan, *, by: Login, reason: str, on: date) -> None:
    """An officer calls a kept, locked plan off. What is left is owed as the invoices say."""
    plan.refuse_unless(PlanState.ACTIVE)
    if not reason.strip():
        raise Invalid(fields={"reason": "Say why this plan is cancelled. The member can read it."})
    plan.end(PlanState.CANCELLED, by=by, on=on, reason=reason.strip())
    free_invoices([plan.id])
    tell("plan_cancelled", plan)


def complete(on: date) -> int:
    """Plans of which nothing is left, in time or early, are paid off. How many."""
    return _end(_paid_off(), PlanState.COMPLETED, "plan_completed", on=on)


def default(organization: Organization, on: date, *, apart_from: Set[UUID] = frozenset()) -> int:
    """Plans with an installment unpaid for longer than the organization tolerates. How many.

    From here on their invoices are chased, and cost late fees, as any other. None while a payment that takes
    days is under way: the member has paid as far as anybody knows. Those `apart_from` it are left alone.
    """
    tolerance = DuesSettings.of(organization).plan_tolerance_days
    missed = [plan_id for plan_id in _missed(on - timedelta(days=tolerance)) if plan_id not in apart_from]
    return _end(missed, PlanState.DEFAULTED, "plan_defaulted", on=on)


def _end(plan_ids: Sequence[UUID], state: PlanState, what: str, *, on: date) -> int:
    held = PaymentPlan.here().select(PaymentPlan.id.in_(plan_ids), PaymentPlan.state == PlanState.ACTIVE)
    plans = db.session.scalars(held.order_by(PaymentPlan.id).with_for_update()).all()
    for plan in plans:
        plan.end(state, by=None, on=on)
        tell(what, plan)
    free_invoices([plan.id for plan in plans])
    return len(plans)


def _paid_off() -> Sequence[UUID]:
    kept = steps(PaymentPlan.state == PlanState.ACTIVE).subquery()
    nothing_left = select(kept.c.plan_id).group_by(kept.c.plan_id).having(func.sum(kept.c.owed) == 0)
    return db.session.scalars(nothing_left).all()


def _missed(before: date) -> Sequence[UUID]:
    kept = steps(PaymentPlan.state == PlanState.ACTIVE).subquery()
    under_way = exists().where(
        PlanInvoice.organization_id == Invoice.organization_id,
        PlanInvoice.plan_id == kept.c.plan_id,
        PlanInvoice.invoice_id == Invoice.id,
        Invoice.processing,
    )
    late = select(kept.c.plan_id).distinct().where(kept.c.owed > 0, kept.c.due_on < before, ~under_way)
    return db.session.scalars(late).all()
