"""Proposing a payment plan, with its schedule before anybody is told; the same for officers and members."""

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import DateField, DecimalField, IntegerField, SelectMultipleField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.core.db import transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.organizations import Member
from webapp.domain.plans import proposing
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.domain.plans.proposing import Preview, Wish
from webapp.domain.plans.terms import Terms
from webapp.web.filters import money_text
from webapp.web.forms import Form, MoneyField, NotNegative, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other


def _id(value: UUID | str) -> UUID:
    return UUID(str(value))


class PlanForm(Form):
    invoice_ids = SelectMultipleField(
        "Invoices", coerce=_id, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    down_payment = MoneyField("Down payment", [Optional(), NotNegative()])
    installments = IntegerField("Number of installments", [Optional()])
    monthly = MoneyField("Or the most a month", [Optional(), NotNegative()])
    starts_on = DateField("Start", [InputRequired("Enter the day.")])
    payment_day = IntegerField("Payment day of the month", [InputRequired("Enter a day from 1 to 31.")])
    interest_rate = DecimalField("Interest a year, in percent", [Optional()], places=None)
    note = TextAreaField("A word to the other side", [Optional(), Length(max=500)])

    def wish(self, replaces: PaymentPlan | None) -> Wish:
        terms = Terms(
            starts_on=self.starts_on.data,
            payment_day=self.payment_day.data,
            installments=self.installments.data,
            monthly=self.monthly.data,
            down_payment=self.down_payment.data or 0,
            interest_rate=self.interest_rate.data if "interest_rate" in self else None,
        )
        return Wish(self.invoice_ids.data or [], terms, self.note.data or "", replaces)


def new(persona: str, member: Member) -> str:
    today, replaces = current_organization.today, _replaced(member)
    offer = proposing.plannable(member, replaces=replaces)
    chosen = [one.id for one in offer]
    form = PlanForm(formdata=None, invoice_ids=chosen, starts_on=today, payment_day=today.day)
    return _page(persona, member, form, replaces)


def create(persona: str, member: Member) -> Response | tuple[str, int] | str:
    """First the schedule, then, from there, the plan."""
    form, replaces = PlanForm(), _replaced(member)
    _fit(form, persona, member, replaces)
    if not form.validate():
        return _page(persona, member, form, replaces), 422
    try:
        wish = form.wish(replaces)
        if "propose" not in request.form:
            foreseen = proposing.preview(member, wish, on=current_organization.today)
            return _page(persona, member, form, replaces, foreseen)
        with transaction():
            plan = proposing.propose(
                member,
                wish,
                as_member=persona == "members",
                by=current_user,
                on=current_organization.today,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(persona, member, form, replaces), 422
    return see_other(f"{persona}.payment_plan", plan_id=plan.id, **_told(plan, member))


def _told(plan: PaymentPlan, member: Member) -> dict[str, str]:
    if plan.state is PlanState.WAITING:
        total = money_text(plan.total, plan.currency)
        return {"notice": f"{total} is above your limit. The plan waits for approval.", "tone": "calm"}
    other = "Your treasurer" if plan.by_member else member.name
    return {"notice": f"The plan is proposed. {other} is told by mail and can accept it."}


def _replaced(member: Member) -> PaymentPlan | None:
    """The kept plan that this one is to take the place of, as the address says."""
    plan_id = request.args.get("replaces", type=UUID)
    if plan_id is None:
        return None
    found = PaymentPlan.here().get(plan_id)
    if found.member_id != member.id:
        raise NotFound
    return found


def _fit(form: PlanForm, persona: str, member: Member, replaces: PaymentPlan | None) -> None:
    """Offer what this member's invoices allow, and leave out what a member does not decide."""
    offer = proposing.plannable(member, replaces=replaces)
    form.invoice_ids.choices = offered((one.id, _label(one)) for one in offer)
    if persona == "members" and "interest_rate" in form:
        del form.interest_rate


def _label(invoice: Any) -> str:
    owed = money_text(invoice.owed, invoice.currency)
    return f"{invoice.number}, {invoice.period.name}: {owed}"


def _page(
    persona: str,
    member: Member,
    form: PlanForm,
    replaces: PaymentPlan | None,
    foreseen: Preview | None = None,
) -> str:
    if form.invoice_ids.choices is None:
        _fit(form, persona, member, replaces)
    return render_template(
        "shared/plans/new.html",
        persona=persona,
        member=member,
        form=form,
        replaces=replaces,
        foreseen=foreseen,
        limit=None if persona == "members" else proposing.cap_of(current_user),
    )
