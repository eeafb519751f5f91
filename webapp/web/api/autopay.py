"""Autopay of payment plans: what a member agreed to, and the member's program that turns it on and off."""

from typing import Any
from uuid import UUID

from flask import g

from webapp.core.db import transaction
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import RoleName
from webapp.domain.payments.saved_methods import SavedMethod
from webapp.domain.plans import autopay, collecting, following, hold_ups
from webapp.domain.plans.plan import PaymentPlan
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import EVERYBODY, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.payment_plans import held, reached

TOPIC = "Payment plans"
MEMBERS = frozenset({RoleName.MEMBER})

AUTOPAY = Shape(
    "Autopay",
    {
        "on": f.flag("Whether installments are collected by themselves"),
        "method_id": f.identifier("From which saved method").or_null(),
        "method": f.text("How it looks", "Visa ending 4242").or_null(),
        "agreed": f.text("What the member agreed to, as it was shown", "I authorize …", most=2000).or_null(),
        "agreed_at": f.instant("When").or_null(),
        "next_on": f.day("When the next installment is collected, as things stand").or_null(),
        "held_up": f.text("Why nothing is collected at present", "Stripe refused this.").or_null(),
        "words": f.text("What has to be agreed to in order to turn it on", "I authorize …", most=2000),
    },
)
CONSENT = shape_in(
    "AutopayConsent",
    words=f.text("What the member has read and agreed to", "I authorize …", least=1, most=2000).needed(),
)
_AUTOPAY = "/organizations/<uuid:organization_id>/payment-plans/<uuid:plan_id>/autopay/"


@operations.get(_AUTOPAY, summary="Read a plan's autopay", topic=TOPIC, gives=AUTOPAY, allowed=EVERYBODY)
def read_autopay(plan_id: UUID) -> Answer:
    """Whether it is on, on whose words, and those to be agreed to."""
    return _told(reached(plan_id))


@operations.post(
    _AUTOPAY + "<uuid:method_id>",
    summary="Turn a plan's autopay on",
    topic=TOPIC,
    gives=AUTOPAY,
    takes=CONSENT,
    status=200,
    allowed=MEMBERS,
)
def turn_autopay_on(plan_id: UUID, method_id: UUID, body: Values) -> Answer:
    """With a saved method of the plan's own member. `words` are those that reading it gives: send them only
    after the member has agreed to them. They are kept, with who sent them and when."""
    with transaction():
        plan = held(plan_id)
        SavedMethod.here().get(method_id)
        autopay.turn_on(plan, method_id, shown=body["words"], organization=g.organization, by=acting)
        return _told(plan)


@operations.post(
    _AUTOPAY + "end",
    summary="Turn a plan's autopay off",
    topic=TOPIC,
    gives=AUTOPAY,
    status=200,
    allowed=MEMBERS,
)
def turn_autopay_off(plan_id: UUID) -> Answer:
    """Nothing is collected any more. What the processor was asked for already goes its way."""
    with transaction():
        plan = held(plan_id)
        autopay.turn_off(plan, by=acting)
        return _told(plan)


def _told(plan: PaymentPlan) -> dict[str, Any]:
    word = autopay.of_each([plan.id]).get(plan.id)
    held_up = hold_ups.of(word) if word else None
    step = following.progress_of(plan).next if plan.is_agreed else None
    return AUTOPAY.tell(
        None,
        on=word is not None,
        method_id=word.method.id if word else None,
        method=word.method.label if word else None,
        agreed=word.authorization.words if word else None,
        agreed_at=word.authorization.given_at if word else None,
        next_on=collecting.next_day(step, word) if step and word and word.connected else None,
        held_up=held_up.reason if held_up else None,
        words=autopay.words(g.organization, DuesSettings.of(g.organization).card_retry_days),
    )
