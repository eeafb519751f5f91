"""What a billing run would do, and the button that lets it."""

from collections.abc import Sequence

from flask import render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField
from wtforms.validators import InputRequired, ValidationError

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import confirming
from webapp.domain.billing.confirming import PreviewChanged
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.preview import Preview, Summary, preview
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.web.forms import Form, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once


class RunForm(Form):
    schedule = SelectField("What is charged", validators=[InputRequired("Choose a schedule.")])
    period = SelectField("Billing period", validators=[InputRequired("Choose a period.")])

    def offer(self) -> "RunForm":
        """Schedules in use and open periods, the latest first."""
        schedules = AssessmentSchedule.here().all(
            AssessmentSchedule.active.is_(True), order_by=AssessmentSchedule.id
        )
        periods = BillingPeriod.here().all(
            BillingPeriod.closed_at.is_(None), order_by=BillingPeriod.starts_on.desc()
        )
        self.schedules = {str(one.id): one for one in schedules}
        self.periods = {str(one.id): one for one in periods}
        self.schedule.choices = offered((key, one.name) for key, one in self.schedules.items())
        self.period.choices = offered((key, f"{one.name} ({one.code})") for key, one in self.periods.items())
        return self

    def chosen(self) -> tuple[AssessmentSchedule, BillingPeriod]:
        return self.schedules[self.schedule.data], self.periods[self.period.data]


class ConfirmForm(RunForm):
    """`seen` is the preview that stood above the button."""

    seen = HiddenField(validators=[InputRequired("Look at the preview first.")])

    def validate_seen(self, field: HiddenField) -> None:
        try:
            Summary.read(field.data)
        except Invalid as refusal:
            raise ValidationError("Look at the preview again.") from refusal


@national.get("/billing-runs/preview")
def preview_billing_run() -> str | tuple[str, int]:
    form = RunForm(formdata=request.args).offer()
    if not form.schedule.validate(form) or not form.period.validate(form):
        return render_template("national/billing_runs/new.html", form=form), 422
    return _preview(preview(current_organization, *form.chosen(), dated=current_organization.today))


@national.post("/billing-runs/")
@acts_once
def create_billing_run() -> Response | tuple[str, int]:
    form = ConfirmForm().offer()
    if not form.validate():
        return render_template("national/billing_runs/new.html", form=form), 422
    today, seen = current_organization.today, Summary.read(form.seen.data)
    try:
        with transaction():
            confirmed = confirming.confirm(
                current_organization, *form.chosen(), dated=today, by=current_user, seen=seen
            )
    except PreviewChanged as changed:
        return _preview(changed.now, changed.changes), changed.status
    return see_other("national.billing_run", run_id=confirmed.id)


def _preview(seen: Preview, changes: Sequence[str] = ()) -> str:
    form = ConfirmForm(formdata=None)
    return render_template("national/billing_runs/preview.html", form=form, seen=seen, changes=changes)
