"""Payment plans of the chapter's members: found, read, proposed, answered and called off."""

from uuid import UUID

from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.web import plan_answers, plan_proposals, plans
from webapp.web.gates import chapter_member, current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/payment-plans/")
def payment_plans() -> Response:
    return plans.index("treasurers", chapter_id=current_chapter.id)


@treasurers.get("/members/<uuid:member_id>/payment-plan")
def new_payment_plan(member_id: UUID) -> str:
    return plan_proposals.new("treasurers", chapter_member(member_id))


@treasurers.post("/members/<uuid:member_id>/payment-plan")
@acts_once
def create_payment_plan(member_id: UUID) -> Response | tuple[str, int] | str:
    return plan_proposals.create("treasurers", chapter_member(member_id))


@treasurers.get("/payment-plans/<uuid:plan_id>/")
def payment_plan(plan_id: UUID) -> str:
    return plans.show("treasurers", plans.loaded(plan_id, chapter_id=current_chapter.id), current_user)


@treasurers.get("/payment-plans/<uuid:plan_id>/pdf")
def payment_plan_pdf(plan_id: UUID) -> Response:
    return plans.pdf(plans.loaded(plan_id, chapter_id=current_chapter.id))


@treasurers.post("/payment-plans/<uuid:plan_id>/acceptance")
@acts_once
def accept_payment_plan(plan_id: UUID) -> Response:
    return plan_answers.accept("treasurers", plan_id, chapter_id=current_chapter.id)


@treasurers.post("/payment-plans/<uuid:plan_id>/refusal")
@acts_once
def refuse_payment_plan(plan_id: UUID) -> Response | tuple[str, int]:
    return plan_answers.refuse("treasurers", plan_id, chapter_id=current_chapter.id)


@treasurers.post("/payment-plans/<uuid:plan_id>/withdrawal")
@acts_once
def withdraw_payment_plan(plan_id: UUID) -> Response:
    return plan_answers.withdraw("treasurers", plan_id, chapter_id=current_chapter.id)


@treasurers.post("/payment-plans/<uuid:plan_id>/cancellation")
@acts_once
def cancel_payment_plan(plan_id: UUID) -> Response | tuple[str, int]:
    return plan_answers.cancel("treasurers", plan_id, chapter_id=current_chapter.id)
