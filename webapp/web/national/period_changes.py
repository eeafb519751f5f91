"""One billing period: its days, and changing them as far as no invoice states them."""

from typing import Any
from uuid import UUID

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import DateField, StringField
from wtforms.validators import InputRequired, Length

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import period_change
from webapp.domain.billing.periods import BillingPeriod
from webapp.web.forms import Form
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once

GRACE = "Unpaid invoices are called overdue after this day."


class ChangeForm(Form):
    name = StringField("Name", [InputRequired("Enter a name."), Length(max=80)])
    starts_on = DateField("First day", [InputRequired("Enter the first day.")])
    ends_on = DateField("Last day", [InputRequired("Enter the last day.")])
    due_on = DateField("Due on", [InputRequired("Enter the due date.")])
    grace_ends_on = DateField(
        "Grace ends on", [InputRequired("Enter the last day of grace.")], description=GRACE
    )

    @classmethod
    def of(cls, period: BillingPeriod, **filled: Any) -> "ChangeForm":
        """Once invoices were issued, only what they don't state is asked."""
        form = cls(**filled)
        if period_change.is_billed(period):
            for name in period_change.ON_INVOICES:
                del form[name]
        return form

    @property
    def wanted(self) -> dict[str, Any]:
        return {name: value for name, value in self.data.items() if name not in ("form_key", "csrf_token")}


@national.get("/periods/<uuid:period_id>/")
def period(period_id: UUID) -> str:
    found = BillingPeriod.here().get(period_id)
    return _page(found, ChangeForm.of(found, formdata=None, obj=found))


@national.post("/periods/<uuid:period_id>/")
@acts_once
def change_period(period_id: UUID) -> Response | tuple[str, int]:
    found = BillingPeriod.here().get(period_id)
    form = ChangeForm.of(found)
    if not form.validate():
        return _page(found, form), 422
    try:
        with transaction():
            found = BillingPeriod.here().get(period_id, lock=True)
            period_change.change(found, by=current_user, **form.wanted)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(BillingPeriod.here().get(period_id), form), 422
    return see_other("national.period", period_id=period_id, notice=f"{found.name} is changed.")


def _page(period: BillingPeriod, form: ChangeForm) -> str:
    return render_template("national/periods/show.html", period=period, form=form)
