"""What the two sides of a payment plan can say to it: yes, no, not any more."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.domain.plans import answering, ending
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.web.forms import ReasonForm
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.plans import loaded, show


def accept(
    persona: str, plan_id: UUID, also: Callable[[PaymentPlan], None] | None = None, **conditions: Any
) -> Response:
    """`also` is done in the same transaction."""
    with transaction():
        plan = answering.accept(
            loaded(plan_id, lock=True, **conditions),
            as_member=persona == "members",
            by=current_user,
            on=current_organization.today,
        )
        if also is not None:
            also(plan)
    if plan.state is PlanState.WAITING:
        return _back(persona, plan, "This is above your limit. Your yes waits for approval.", "calm")
    return _back(persona, plan, "The plan is agreed. Its letter goes out by mail.")


def refuse(persona: str, plan_id: UUID, **conditions: Any) -> Response | tuple[str, int]:
    def no(plan: PaymentPlan, reason: str) -> None:
        as_member = persona == "members"
        answering.refuse(
            plan, as_member=as_member, reason=reason, by=current_user, on=current_organization.today
        )

    return _with_reason(persona, plan_id, no, "The plan is refused, and the other side is told.", conditions)


def cancel(persona: str, plan_id: UUID, **conditions: Any) -> Response | tuple[str, int]:
    def call_off(plan: PaymentPlan, reason: str) -> None:
        ending.cancel(plan, by=current_user, reason=reason, on=current_organization.today)

    told = "The plan is cancelled. Its invoices are due as they say."
    return _with_reason(persona, plan_id, call_off, told, conditions)


def withdraw(persona: str, plan_id: UUID, **conditions: Any) -> Response:
    with transaction():
        plan = loaded(plan_id, lock=True, **conditions)
        as_member = persona == "members"
        answering.withdraw(plan, as_member=as_member, by=current_user, on=current_organization.today)
    return _back(persona, plan, "The proposal is withdrawn.")


def _with_reason(
    persona: str,
    plan_id: UUID,
    say: Callable[[PaymentPlan, str], None],
    told: str,
    conditions: dict[str, Any],
) -> Response | tuple[str, int]:
    form = ReasonForm()
    if not form.validate():
        return show(persona, loaded(plan_id, **conditions), current_user, form), 422
    with transaction():
        plan = loaded(plan_id, lock=True, **conditions)
        say(plan, form.reason.data)
    return _back(persona, plan, told)


def _back(persona: str, plan: PaymentPlan, notice: str, tone: str = "good") -> Response:
    return see_other(f"{persona}.payment_plan", plan_id=plan.id, notice=notice, tone=tone)
