"""Billing periods: a year at once, or one made by hand; closed when they are over."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import DateField, IntegerField, StringField
from wtforms.validators import InputRequired, Optional

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import periods as billing_periods
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.settings import DuesSettings
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.lists import stream_csv, wants_csv
from webapp.web.national import national
from webapp.web.national.period_changes import GRACE, ChangeForm
from webapp.web.request_keys import acts_once


class YearForm(Form):
    year = IntegerField("Year", validators=[InputRequired("Enter a year, such as 2026.")])


class PeriodForm(ChangeForm):
    code = StringField("Code", [InputRequired("Enter a short code.")], description="Short: 2026-conference.")
    grace_ends_on = DateField("Grace ends on", [Optional()], description=GRACE)


@national.get("/periods/")
def periods() -> Response | str:
    if wants_csv():
        found = BillingPeriod.here().all(order_by=BillingPeriod.starts_on.desc())
        rows = ((one.code, one.name, one.starts_on, one.ends_on, one.due_on, one.closed_at) for one in found)
        return stream_csv("periods.csv", ("code", "name", "from", "to", "due_on", "closed_at"), rows)
    year = YearForm(formdata=None, year=current_organization.today.year)
    return _page(year, PeriodForm(formdata=None))


@national.post("/periods/")
@acts_once
def create_period() -> Response | tuple[str, int]:
    form = PeriodForm()
    if not form.validate():
        return _page(YearForm(formdata=None), form), 422
    try:
        with transaction():
            period = billing_periods.add(
                code=form.code.data,
                name=form.name.data,
                starts_on=form.starts_on.data,
                ends_on=form.ends_on.data,
                due_on=form.due_on.data,
                grace_ends_on=form.grace_ends_on.data,
                by=current_user,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(YearForm(formdata=None), form), 422
    return see_other("national.periods", notice=f"{period.name} is there.")


@national.post("/periods/year")
@acts_once
def generate_periods() -> Response | tuple[str, int]:
    form = YearForm()
    if not form.validate():
        return _page(form, PeriodForm(formdata=None)), 422
    try:
        with transaction():
            made = billing_periods.generate(current_organization, form.year.data, by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form, PeriodForm(formdata=None)), 422
    said = (
        f"{len(made)} periods were made." if made else f"All periods of {form.year.data} were there already."
    )
    return see_other("national.periods", notice=said)


@national.get("/periods/<uuid:period_id>/closing")
def confirm_closing(period_id: UUID) -> str:
    return render_template(
        "national/periods/closing.html", period=BillingPeriod.here().get(period_id), form=Form(formdata=None)
    )


@national.post("/periods/<uuid:period_id>/closing")
@acts_once
def close_period(period_id: UUID) -> Response:
    with transaction():
        period = BillingPeriod.here().get(period_id, lock=True)
        period.close(by=current_user, on=current_organization.today)
    return see_other("national.periods", notice=f"{period.name} is closed.")


def _page(year: YearForm, form: PeriodForm) -> str:
    return render_template(
        "national/periods/index.html",
        periods=BillingPeriod.here().all(order_by=BillingPeriod.starts_on.desc()),
        year=year,
        form=form,
        cadence=DuesSettings.of(current_organization).cadence,
        today=current_organization.today,
    )
