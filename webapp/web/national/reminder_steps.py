"""The sequence of reminders: how many days before or after the due date, and in whose words each."""

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import IntegerField, SelectField
from wtforms.validators import InputRequired, NumberRange

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications import reminder_texts
from webapp.domain.organizations import languages
from webapp.web.forms import Form, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once

_WHEN = {"before": -1, "after": 1}


class StepForm(Form):
    count = IntegerField(
        "Days",
        [InputRequired("Enter a number of days."), NumberRange(0, 365, "Enter a number from 0 to 365.")],
        description="0 is the due date itself.",
    )
    when = SelectField("When", choices=offered((one, f"{one.capitalize()} the due date") for one in _WHEN))

    @property
    def days(self) -> int:
        return int(self.count.data or 0) * _WHEN[self.when.data]


@national.get("/reminders/steps/")
def reminder_steps() -> str:
    return _page(StepForm(formdata=None))


@national.post("/reminders/steps/")
@acts_once
def add_reminder_step() -> Response | tuple[str, int]:
    form = StepForm()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            settings = DuesSettings.here().first(lock=True)
            assert settings is not None, "Every organization is founded with dues settings"
            settings.change(by=current_user, reminder_days=sorted([*settings.reminder_days, form.days]))
    except Invalid as refusal:
        form.refuse(Invalid(fields={"count": refusal.fields["reminder_days"]}))
        return _page(form), 422
    return see_other("national.reminder_steps", notice="The step is added.")


@national.post("/reminders/steps/<int(signed=True):days>/removal")
@acts_once
def remove_reminder_step(days: int) -> Response:
    """Its texts are kept for the day it comes back."""
    with transaction():
        settings = DuesSettings.here().first(lock=True)
        assert settings is not None, "Every organization is founded with dues settings"
        left = [one for one in settings.reminder_days if one != days]
        settings.change(by=current_user, reminder_days=left)
    return see_other("national.reminder_steps", notice="The step is taken away.")


def _page(form: StepForm) -> str:
    steps = sorted(DuesSettings.of(current_organization).reminder_days)
    own = languages.own(current_organization)
    texts = reminder_texts.written()
    spoken = {days: [code for step, code in texts if step == days and code != own] for days in steps}
    return render_template(
        "national/reminder_steps/index.html",
        form=form,
        steps=[
            (days, [(code, _named(code), (days, code) in texts) for code in (own, *spoken[days])])
            for days in steps
        ],
    )


def _named(code: str) -> str:
    return languages.name(code, current_organization)
