"""Autopay of a payment plan: the member turns it on with a saved method, and off again."""

from typing import Any
from uuid import UUID

from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import HiddenField, RadioField

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.plans import autopay, outlook
from webapp.domain.plans.autopay import Offer
from webapp.domain.plans.following import Progress
from webapp.domain.plans.plan import PaymentPlan
from webapp.web.forms import Form, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other


class AutopayForm(Form):
    """`words` are those that were shown beside the choice."""

    method_id = RadioField("From which payment method?")
    words = HiddenField()

    def offer(self, found: Offer) -> "AutopayForm":
        self.method_id.choices = offered((str(one.id), one.label) for one in found.methods)
        return self

    @property
    def chosen(self) -> UUID:
        try:
            return UUID(self.method_id.data or "")
        except ValueError as error:
            raise Invalid(fields={"method_id": "Choose a payment method."}) from error


def shown(plan: PaymentPlan, progress: Progress | None, form: AutopayForm | None = None) -> dict[str, Any]:
    """What the plan's page says of it: what is on, when it is collected next, and what can be chosen."""
    found = autopay.offer(plan)
    step = progress.next if progress else None
    return {
        "offer": found,
        "outlook": outlook.of(found.word, step) if step and found.word else None,
        "autopay_form": (form or AutopayForm(formdata=None)).offer(found),
        "autopay_words": autopay.words(current_organization, found.retry_days),
    }


def turn_on(plan: PaymentPlan, form: AutopayForm) -> None:
    """In the transaction of whoever holds the plan."""
    autopay.turn_on(
        plan, form.chosen, shown=form.words.data or "", organization=current_organization, by=current_user
    )


def turn_off(plan: PaymentPlan) -> Response:
    with transaction():
        autopay.turn_off(PaymentPlan.here().get(plan.id, lock=True), by=current_user)
    told = "Autopay is off. Nothing is collected any more."
    return see_other("members.payment_plan", plan_id=plan.id, notice=told)
