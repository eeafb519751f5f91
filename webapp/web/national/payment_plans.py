"""Payment plans of the whole organization: found, read, proposed, answered and called off."""

from uuid import UUID

from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.domain.organizations import Member
from webapp.web import plan_answers, plan_proposals, plans
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/payment-plans/")
def payment_plans() -> Response:
    return plans.index("national")


@national.get("/members/<uuid:member_id>/payment-plan")
def new_payment_plan(member_id: UUID) -> str:
    return plan_proposals.new("national", Member.here().get(member_id))


@national.post("/members/<uuid:member_id>/payment-plan")
@acts_once
def create_payment_plan(member_id: UUID) -> Response | tuple[str, int] | str:
    return plan_proposals.create("national", Member.here().get(member_id))


@national.get("/payment-plans/<uuid:plan_id>/")
def payment_plan(plan_id: UUID) -> str:
    return plans.show("national", plans.loaded(plan_id), current_user)


@national.get("/payment-plans/<uuid:plan_id>/pdf")
def payment_plan_pdf(plan_id: UUID) -> Response:
    return plans.pdf(plans.loaded(plan_id))


@national.post("/payment-plans/<uuid:plan_id>/acceptance")
@acts_once
def accept_payment_plan(plan_id: UUID) -> Response:
    return plan_answers.accept("national", plan_id)


@national.post("/payment-plans/<uuid:plan_id>/refusal")
@acts_once
def refuse_payment_plan(plan_id: UUID) -> Response | tuple[str, int]:
    return plan_answers.refuse("national", plan_id)


@national.post("/payment-plans/<uuid:plan_id>/withdrawal")
@acts_once
def withdraw_payment_plan(plan_id: UUID) -> Response:
    return plan_answers.withdraw("national", plan_id)


@national.post("/payment-plans/<uuid:plan_id>/cancellation")
@acts_once
def cancel_payment_plan(plan_id: UUID) -> Response | tuple[str, int]:
    return plan_answers.cancel("national", plan_id)
