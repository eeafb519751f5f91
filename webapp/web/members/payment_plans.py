"""A member's own payment plans: proposed, answered, followed and paid."""

from functools import partial
from uuid import UUID

from flask import url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.plans import following
from webapp.web import paying, plan_answers, plan_autopay, plan_proposals, plans
from webapp.web.gates import current_member, current_organization
from webapp.web.htmx import see_other
from webapp.web.members import members
from webapp.web.plan_autopay import AutopayForm
from webapp.web.request_keys import acts_once


@members.get("/payment-plan")
def new_payment_plan() -> str:
    return plan_proposals.new("members", current_member)


@members.post("/payment-plan")
@acts_once
def create_payment_plan() -> Response | tuple[str, int] | str:
    return plan_proposals.create("members", current_member)


@members.get("/payment-plans/<uuid:plan_id>/")
def payment_plan(plan_id: UUID) -> str:
    return plans.show("members", plans.loaded(plan_id, member_id=current_member.id), current_user)


@members.get("/payment-plans/<uuid:plan_id>/pdf")
def payment_plan_pdf(plan_id: UUID) -> Response:
    return plans.pdf(plans.loaded(plan_id, member_id=current_member.id))


@members.post("/payment-plans/<uuid:plan_id>/acceptance")
@acts_once
def accept_payment_plan(plan_id: UUID) -> Response | tuple[str, int]:
    """With autopay, if a payment method was chosen beside it."""
    form = AutopayForm()
    also = partial(plan_autopay.turn_on, form=form) if form.method_id.data else None
    try:
        return plan_answers.accept("members", plan_id, also, member_id=current_member.id)
    except Invalid as refusal:
        return _again(plan_id, form, refusal)


@members.post("/payment-plans/<uuid:plan_id>/refusal")
@acts_once
def refuse_payment_plan(plan_id: UUID) -> Response | tuple[str, int]:
    return plan_answers.refuse("members", plan_id, member_id=current_member.id)


@members.post("/payment-plans/<uuid:plan_id>/withdrawal")
@acts_once
def withdraw_payment_plan(plan_id: UUID) -> Response:
    return plan_answers.withdraw("members", plan_id, member_id=current_member.id)


@members.post("/payment-plans/<uuid:plan_id>/autopay")
@acts_once
def turn_autopay_on(plan_id: UUID) -> Response | tuple[str, int]:
    form = AutopayForm()
    try:
        with transaction():
            plan_autopay.turn_on(plans.loaded(plan_id, lock=True, member_id=current_member.id), form)
    except Invalid as refusal:
        return _again(plan_id, form, refusal)
    told = "Autopay is on. What you agreed to is on its way to you by mail."
    return see_other("members.payment_plan", plan_id=plan_id, notice=told)


@members.post("/payment-plans/<uuid:plan_id>/autopay/ending")
def turn_autopay_off(plan_id: UUID) -> Response:
    return plan_autopay.turn_off(plans.loaded(plan_id, member_id=current_member.id))


@members.post("/payment-plans/<uuid:plan_id>/checkout")
def create_plan_checkout(plan_id: UUID) -> Response:
    """What is due, or the next installment; of the oldest invoice, for a checkout is about one."""
    plan = plans.loaded(plan_id, member_id=current_member.id)
    part = following.next_payment(plan, on=current_organization.today)
    if part is None:
        return see_other("members.payment_plan", plan_id=plan_id, notice="There is nothing to pay now.")
    page = url_for("members.pay", invoice_id=part.invoice_id)
    return paying.go_to_checkout(part.invoice_id, paying.addresses(page), part=part.amount)


def _again(plan_id: UUID, form: AutopayForm, refusal: Invalid) -> tuple[str, int]:
    plan = plans.loaded(plan_id, member_id=current_member.id)
    form.refuse(refusal)
    return plans.show("members", plan, current_user, autopay_form=form), 422
