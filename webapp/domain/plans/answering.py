"""The other side's word on a proposed plan, and what a second person's approval makes of an officer's."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import update

from webapp.core import tenancy
from webapp.core.db import db, new_id
from webapp.core.errors import Conflict, NotAllowed
from webapp.domain.approvals import ApprovalRequest, ApprovalState, lapse_about
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login, tokens
from webapp.domain.plans import proposing
from webapp.domain.plans.order import invoices_of, order_of
from webapp.domain.plans.plan import Installment, PaymentPlan, PlanInvoice, PlanState
from webapp.domain.plans.proposing import free_invoices, tell
from webapp.domain.plans.terms import schedule


class PlanNotAsAgreed(Conflict):
    """What its invoices owe, or the day, is not what the plan was made for."""

    code = "plan-not-as-agreed"
    next_step = "Refuse or withdraw it, and propose a plan that fits what is owed now."


def accept(plan: PaymentPlan, *, as_member: bool, by: Login, on: date) -> PaymentPlan:
    """The locked plan begins, or an officer's yes waits for a second person: its state tells."""
    plan.refuse_unless(PlanState.PROPOSED)
    _refuse_same_side(plan, as_member, "accept")
    if as_member:
        _begin(plan, by=by, on=on)
        return plan
    proposing.refuse_own_account(plan, by)
    _fitting_invoices(plan, on=on)
    if proposing.may_alone(by, plan.total, lock=True):
        _begin(plan, by=by, on=on)
    else:
        plan.accepted_by_id = tokens.behind(by).person_id
        proposing.ask(plan, by=by)
    return plan


def refuse(plan: PaymentPlan, *, as_member: bool, reason: str, by: Login, on: date) -> None:
    """The other side says no, and why."""
    plan.refuse_unless(PlanState.PROPOSED)
    _refuse_same_side(plan, as_member, "refuse")
    if not as_member:
        proposing.refuse_own_account(plan, by)
    _drop(plan, PlanState.REFUSED, by=by, on=on, reason=reason.strip())
    tell("plan_refused", plan)


def withdraw(plan: PaymentPlan, *, as_member: bool, by: Login, on: date) -> None:
    """Whoever proposed it wants it no more, while nobody has accepted it."""
    plan.refuse_unless(PlanState.PROPOSED, PlanState.WAITING)
    if as_member != plan.by_member:
        raise NotAllowed("Only the side that proposed this plan can withdraw it.", next_step="Refuse it.")
    _drop(plan, PlanState.WITHDRAWN, by=by, on=on)
    lapse_about([plan.id], by=by, reason="The plan was withdrawn meanwhile.")


def carry_out(request: ApprovalRequest, by: Login, on: date) -> None:
    """It was approved: an officer's proposal goes to the member; what an officer accepted begins."""
    plan = PaymentPlan.here().get(request.subject_id, lock=True)
    plan.refuse_unless(PlanState.WAITING)
    request.insist_on(order_of(plan))
    if plan.by_member:
        _begin(plan, by=by, on=on)
        return
    plan.move(PlanState.PROPOSED, by=by)
    tell("plan_proposed", plan)


def turn_down(request: ApprovalRequest, by: Login, on: date) -> None:
    """It was denied, or withdrawn by the officer who asked. A member's proposal waits for an answer again
    when the officer only takes the own yes back."""
    plan = PaymentPlan.here().get(request.subject_id, lock=True)
    if request.state is ApprovalState.DENIED:
        _drop(plan, PlanState.REFUSED, by=by, on=on, reason=request.decision_reason)
        tell("plan_refused", plan)
    elif plan.by_member:
        plan.accepted_by_id = None
        plan.move(PlanState.PROPOSED, by=by)
    else:
        _drop(plan, PlanState.WITHDRAWN, by=by, on=on)


def _refuse_same_side(plan: PaymentPlan, as_member: bool, verb: str) -> None:
    if as_member == plan.by_member:
        raise NotAllowed(f"The other side has to {verb} this plan.", next_step="You can withdraw it.")


def _drop(plan: PaymentPlan, state: PlanState, *, by: Login, on: date, reason: str | None = None) -> None:
    plan.accepted_by_id = None
    plan.end(state, by=by, on=on, reason=reason)
    free_invoices([plan.id])


def _begin(plan: PaymentPlan, *, by: Login, on: date) -> None:
    """From here on the plan is kept: its parts have days, and its invoices are not chased one by one."""
    if plan.replaces_id is not None:
        replaced = PaymentPlan.here().get(plan.replaces_id, lock=True)
        replaced.refuse_unless(PlanState.ACTIVE)
        replaced.end(PlanState.SUPERSEDED, by=by, on=on)
        free_invoices([replaced.id])
    invoices = _fitting_invoices(plan, on=on)
    plan.accept(by=by, on=on)
    for invoice in invoices:
        invoice.on_plan = True
        _take(plan, invoice)
    for part in schedule(plan.total, plan.terms):
        due_on = part.due_on or on
        db.session.add(
            Installment(
                id=new_id(), plan_id=plan.id, position=part.position, due_on=due_on, amount=part.amount
            )
        )
    db.session.flush()
    tell("plan_accepted", plan)


def _take(plan: PaymentPlan, invoice: Invoice) -> None:
    mine = PlanInvoice.organization_id == tenancy.organization_id(), PlanInvoice.plan_id == plan.id
    db.session.execute(
        update(PlanInvoice)
        .where(*mine, PlanInvoice.invoice_id == invoice.id)
        .values(settled_before=invoice.adjusted + invoice.paid, living=True)
    )


def _fitting_invoices(plan: PaymentPlan, *, on: date) -> list[Invoice]:
    """Locked; PlanNotAsAgreed unless they owe what the plan reschedules and are in no other one by now, and
    its first day is to come."""
    numbered = invoices_of(plan)
    amounts = {one.invoice_id: one.amount for one, _ in numbered}
    held = Invoice.here().select(Invoice.id.in_(amounts)).order_by(Invoice.id).with_for_update()
    invoices = list(db.session.scalars(held.execution_options(populate_existing=True)))
    for invoice in invoices:
        if invoice.processing:
            raise PlanNotAsAgreed(f"A payment of invoice {invoice.number} is under way.")
        if invoice.owed != amounts[invoice.id]:
            raise PlanNotAsAgreed(f"Invoice {invoice.number} does not owe any more what the plan says.")
    _refuse_taken(plan, invoices)
    if plan.terms.days(1)[0] < on:
        raise PlanNotAsAgreed("The day of the first installment has passed.")
    return invoices


def _refuse_taken(plan: PaymentPlan, invoices: Sequence[Invoice]) -> None:
    """A change of a plan holds none of its invoices until it is accepted."""
    numbers = {invoice.id: invoice.number for invoice in invoices}
    mine = [one for one in (plan.id, plan.replaces_id) if one is not None]
    taken = PlanInvoice.here().first(
        PlanInvoice.invoice_id.in_(numbers), PlanInvoice.living.is_(True), PlanInvoice.plan_id.not_in(mine)
    )
    if taken is not None:
        raise PlanNotAsAgreed(f"Invoice {numbers[taken.invoice_id]} is in another plan by now.")
