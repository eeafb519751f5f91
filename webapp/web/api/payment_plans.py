"""Payment plans: foreseen, proposed for members, answered, and called off."""

from typing import Any
from uuid import UUID

from flask import g

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.plans import answering, ending, following, proposing
from webapp.domain.plans.order import invoices_of
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.domain.plans.proposing import Wish
from webapp.domain.plans.terms import MOST_PARTS, Terms, schedule
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import EVERYBODY, OFFICERS, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Accepted, Answer
from webapp.web.api.paging import filtered, listing, page, pages_of

TOPIC = "Payment plans"

_PLAN = {
    "id": f.identifier("The plan"),
    "member_id": f.identifier("Whose debt it is"),
    "chapter_id": f.identifier("The member's chapter"),
    "state": f.choice("Where it stands", PlanState),
    "by_member": f.flag("Whether the member proposed it", example=False),
    "total": f.amount("What is rescheduled", 80_000, least=1),
    "down_payment": f.amount("What of it is due at once", 10_000),
    "installments": f.whole("In how many parts the rest is paid", 7, least=1, most=MOST_PARTS),
    "starts_on": f.day("The first installment is due on the first payment day from here on"),
    "payment_day": f.whole("Day of the month; 31 is the last day of every month", 31, least=1, most=31),
    "interest_rate": f.decimal("Simple interest, per cent a year", "6.5", places=3).or_null(),
    "note": f.text("A word of whoever proposed it", "As we spoke on the phone", most=500),
    "replaces_id": f.identifier("The plan that it takes the place of").or_null(),
    "accepted_on": f.day("When both sides had agreed").or_null(),
    "ended_on": f.day("When it ended, whichever way").or_null(),
    "ending": f.text("Why it was refused or cancelled", "Too long", most=1000).or_null(),
    "currency": f.currency(),
}
SUMMARY = Shape("PaymentPlanSummary", _PLAN)
PART = Shape(
    "PlannedPart",
    {
        "position": f.whole("In which order; 0 is the down payment", 1),
        "due_on": f.day("When it is due; null is at once, when the plan is accepted").or_null(),
        "amount": f.amount("What of the debt it pays", 10_000),
        "interest": f.amount("What waiting for it costs if every part is paid on its day", 55),
    },
)
STEP = Shape(
    "Installment",
    {
        "id": f.identifier("The installment"),
        "position": f.whole("In which order; 0 is the down payment", 1),
        "due_on": f.day("When it is due"),
        "amount": f.amount("What of the debt it pays", 10_000),
        "interest": f.amount("What was charged for waiting so far", 55),
        "paid": f.amount("What is paid of both", 10_055),
        "owed": f.amount("What is left of both", 0),
    },
)
PLANNED = Shape(
    "PlannedInvoice",
    {
        "invoice_id": f.identifier("The invoice"),
        "amount": f.amount("What of it is rescheduled", least=1),
        "owed": f.amount("What it owes now"),
    },
)
PLAN = Shape(
    "PaymentPlan",
    _PLAN
    | {
        "invoices": f.list_of(PLANNED, "What it is about, oldest first"),
        "schedule": f.list_of(PART, "As it was agreed or proposed"),
        "steps": f.list_of(STEP, "Once it was agreed: what is paid of each part"),
    },
)
FORESEEN = Shape(
    "PaymentPlanPreview",
    {
        "total": f.amount("What is rescheduled", 80_000),
        "interest": f.amount("What waiting costs if every part is paid on its day", 220),
        "schedule": f.list_of(PART, "Every part, the larger ones first"),
        "currency": f.currency(),
    },
)
FILTERS = listing(
    "PaymentPlanFilters",
    member=f.identifier("Only this member's"),
    state=f.choice("Only in this state", PlanState),
)
_MOST = proposing.MOST_INVOICES
_WANTED = {
    "member_id": f.identifier("Whose invoices").needed(),
    "invoice_ids": f.identifiers("Unpaid invoices of the member's own chapter", most=_MOST).needed(),
    "installments": f.whole("How many; or say `monthly`", 7, least=1, most=MOST_PARTS),
    "monthly": f.amount("The most a month before interest; or say `installments`", least=1).without_example(),
    "starts_on": f.day("From today to a year from now").needed(),
    "payment_day": f.whole("Day of the month; 31 is the last day", 31, least=1, most=31).needed(),
    "down_payment": f.amount("Due at once", 0),
    "interest_rate": f.decimal("Simple interest, per cent a year", "6.5", places=3).or_null(),
    "note": f.text("A word to the member", "As we spoke on the phone", most=500),
    "replaces_id": f.identifier("A kept plan that this one takes the place of").without_example(),
}
PROPOSAL = shape_in("PaymentPlanProposal", **_WANTED)
REASON = shape_in(
    "PaymentPlanEnding",
    reason=f.text("Why; the member can read it", "Too long", least=1, most=500).needed(),
)
_PLANS = "/organizations/<uuid:organization_id>/payment-plans/"
_ONE = _PLANS + "<uuid:plan_id>/"


@operations.get(
    _PLANS,
    summary="List payment plans",
    topic=TOPIC,
    gives=pages_of(SUMMARY),
    query=FILTERS,
    allowed=EVERYBODY,
)
def list_payment_plans(query: Values) -> Answer:
    """A treasurer's token finds its own chapter's."""
    found = filtered(PaymentPlan.here().select(), query, {"member": "member_id", "state": "state"})
    found = bearer.reached(found, PaymentPlan.chapter_id, PaymentPlan.member_id)
    return page(found, PaymentPlan, query, SUMMARY.tell)


@operations.get(_ONE, summary="Read a payment plan", topic=TOPIC, gives=PLAN, allowed=EVERYBODY)
def read_payment_plan(plan_id: UUID) -> Answer:
    """What was agreed, and what is paid of each installment: read off its invoices at this moment."""
    return _told(reached(plan_id))


@operations.post(
    _PLANS + "preview",
    summary="Foresee a payment plan",
    topic=TOPIC,
    gives=FORESEEN,
    takes=PROPOSAL,
    status=200,
    allowed=OFFICERS,
)
def preview_payment_plan(body: Values) -> Answer:
    """The schedule that these terms make. Nothing is proposed."""
    member = bearer.member_named(body["member_id"])
    seen = proposing.preview(member, _wish(body), on=g.organization.today)
    return FORESEEN.tell(
        seen, schedule=[PART.tell(part) for part in seen.parts], currency=g.organization.currency
    )


@operations.post(
    _PLANS,
    summary="Propose a payment plan",
    topic=TOPIC,
    gives=PLAN,
    takes=PROPOSAL,
    may_wait=True,
    allowed=OFFICERS,
)
def propose_payment_plan(body: Values) -> Answer:
    """To a member, who accepts or refuses it on the own pages. 202: it is above what the token's owner may
    agree to alone; it waits for approval before the member is asked."""
    with transaction():
        member = bearer.member_named(body["member_id"])
        plan = proposing.propose(member, _wish(body), as_member=False, by=acting, on=g.organization.today)
    return _or_waiting(plan)


@operations.post(
    _ONE + "accept",
    summary="Accept a payment plan",
    topic=TOPIC,
    gives=PLAN,
    status=200,
    may_wait=True,
    allowed=OFFICERS,
)
def accept_payment_plan(plan_id: UUID) -> Answer:
    """That the member proposed. 200: it is agreed. 202: it is above what the token's owner may agree to
    alone; it waits for approval."""
    with transaction():
        plan = answering.accept(held(plan_id), as_member=False, by=acting, on=g.organization.today)
    return _or_waiting(plan)


@operations.post(
    _ONE + "refuse",
    summary="Refuse a payment plan",
    topic=TOPIC,
    gives=PLAN,
    takes=REASON,
    status=200,
    allowed=OFFICERS,
)
def refuse_payment_plan(plan_id: UUID, body: Values) -> Answer:
    """That the member proposed. The member is told why."""
    with transaction():
        plan = held(plan_id)
        answering.refuse(plan, as_member=False, reason=body["reason"], by=acting, on=g.organization.today)
    return _told(plan)


@operations.post(
    _ONE + "cancel",
    summary="Cancel a payment plan",
    topic=TOPIC,
    gives=PLAN,
    takes=REASON,
    status=200,
    allowed=OFFICERS,
)
def cancel_payment_plan(plan_id: UUID, body: Values) -> Answer:
    """One that is kept, or an officer's own proposal. What is left is owed as the invoices say."""
    with transaction():
        plan = held(plan_id)
        if plan.is_open:
            answering.withdraw(plan, as_member=False, by=acting, on=g.organization.today)
        else:
            ending.cancel(plan, by=acting, reason=body["reason"], on=g.organization.today)
    return _told(plan)


def _wish(body: Values) -> Wish:
    terms = Terms(
        starts_on=body["starts_on"],
        payment_day=body["payment_day"],
        installments=body.get("installments"),
        monthly=body.get("monthly"),
        down_payment=body.get("down_payment", 0),
        interest_rate=body.get("interest_rate"),
    )
    replaces = _replaced(body["replaces_id"], body["member_id"]) if "replaces_id" in body else None
    return Wish(body["invoice_ids"], terms, body.get("note", ""), replaces)


def _replaced(plan_id: UUID, member_id: UUID) -> PaymentPlan:
    found = PaymentPlan.here().first(PaymentPlan.id == plan_id, PaymentPlan.member_id == member_id)
    if found is None:
        raise Invalid(fields={"replaces_id": "This member has no plan with this id."})
    return found


def held(plan_id: UUID) -> PaymentPlan:
    """Locked."""
    reached(plan_id)
    return PaymentPlan.here().get(plan_id, lock=True)


def reached(plan_id: UUID) -> PaymentPlan:
    """In reach of whoever asks; NotFound else."""
    plan = PaymentPlan.here().get(plan_id)
    bearer.in_reach(chapter_id=plan.chapter_id, member_id=plan.member_id)
    return plan


def _or_waiting(plan: PaymentPlan) -> Answer:
    told = _told(plan)
    return Accepted(told) if plan.state is PlanState.WAITING else told


def _told(plan: PaymentPlan) -> dict[str, Any]:
    steps = following.progress_of(plan).steps if plan.is_agreed else []
    return PLAN.tell(
        plan,
        invoices=[PLANNED.tell(one, owed=invoice.owed) for one, invoice in invoices_of(plan)],
        schedule=[PART.tell(part) for part in schedule(plan.total, plan.terms)],
        steps=[STEP.tell(step) for step in steps],
    )
