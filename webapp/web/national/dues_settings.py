"""How often dues are charged, how much, due when, and what follows when they are late."""

from typing import Any

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateField, DecimalField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Optional, ValidationError

from webapp.core import money
from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.settings import (
    STANDARD_LATE_FEE_AFTER_DAYS,
    Cadence,
    DuesSettings,
    LateFeeKind,
    standard_late_fee,
)
from webapp.web.edits import EditForm
from webapp.web.forms import MoneyField, NotNegative, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once

_AMOUNT = [InputRequired("Enter an amount."), NotNegative()]
_DAYS = [InputRequired("Enter a number of days.")]


class DaysField(StringField):
    """`-7, 0, 7`: whole numbers with commas between; `data` is a list."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.raw_data = valuelist
        self.data = None
        try:
            self.data = [int(day) for day in valuelist[0].replace("−", "-").split(",") if day.strip()]
        except ValueError as error:
            raise ValueError("Write whole numbers with commas between, such as -7, 0, 7.") from error

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else ", ".join(str(day) for day in self.data or [])


class DuesSettingsForm(EditForm):
    cadence = SelectField(
        "How often", choices=offered((one.value, one.value.capitalize()) for one in Cadence)
    )
    default_amount = MoneyField("Usual amount", _AMOUNT, description="Where no rate says otherwise.")
    due_after_days = IntegerField("Due after", _DAYS, description="Days from a period's first day.")
    grace_days = IntegerField("Grace", _DAYS, description="Days after the due date before it is overdue.")
    late_fee_kind = SelectField(
        "Late fee",
        choices=offered(
            [
                ("", "Standard"),
                ("none", "None"),
                ("flat", "Flat"),
                ("percent", "Percent"),
            ]
        ),
    )
    late_fee_amount = MoneyField("Flat late fee", [Optional(), NotNegative()])
    late_fee_percent = DecimalField("Late fee in percent", [Optional()], places=None)
    late_fee_maximum = MoneyField("At most", [Optional(), NotNegative()])
    late_fee_after_days = IntegerField("Late fee after", [Optional()], description="Days after the due date.")
    late_fees_since = DateField(
        "Only invoices due from", [Optional()], description="Empty: all. What was due before costs no fee."
    )
    late_fee_goes_with_waiver = BooleanField("Waive the late fee with its invoice")
    autopay = BooleanField("Members may pay automatically")
    refund_cap = MoneyField(
        "Refund cap", _AMOUNT, description="What one officer may refund on one invoice without approval."
    )
    returned_debit_fee = MoneyField(
        "Fee for a returned debit",
        [Optional(), NotNegative()],
        description="Charged to the member when the bank takes back a debit that had been paid.",
    )
    reminder_days = DaysField("Reminders", description="Days from the due date: -7 is a week before.")
    card_retry_days = DaysField("Card retries", description="Days after a card was declined.")
    prorate_late_joiners = BooleanField("Late joiners pay for the rest of the period only")
    plan_tolerance_days = IntegerField("Payment plans end after", _DAYS)
    severe_above = MoneyField(
        "Severely delinquent above",
        [Optional(), NotNegative()],
        description="Who owes more than this for over 90 days. Empty: whoever owes anything that long.",
    )
    standing_after_days = IntegerField("Good standing ends after", _DAYS)
    standing_with_kept_plan = BooleanField("A kept payment plan keeps good standing")

    def validate_late_fee_amount(self, field: Any) -> None:
        if self.late_fee_kind.data == "flat" and not field.data and not field.errors:
            raise ValidationError("Enter the flat late fee.")

    def values(self) -> dict[str, Any]:
        kept = {name: field.data for name, field in self._fields.items()}
        for name in ("form_key", "csrf_token", "seen"):
            kept.pop(name, None)
        for name in ("returned_debit_fee", "severe_above"):
            kept[name] = kept[name] or 0
        kept["cadence"] = Cadence(kept["cadence"])
        kept["late_fee_kind"] = LateFeeKind(kept["late_fee_kind"]) if kept["late_fee_kind"] else None
        return kept


@national.get("/dues-settings/")
def dues_settings() -> str:
    return _page(DuesSettingsForm(formdata=None, obj=DuesSettings.of(current_organization)).shown())


@national.post("/dues-settings/")
@acts_once
def update_dues_settings() -> Response | tuple[str, int]:
    form = DuesSettingsForm()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            settings = DuesSettings.of(current_organization)
            form.refuse_unseen_changes(DuesSettingsForm(formdata=None, obj=settings), settings)
            settings.change(by=current_user, **form.values())
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    return see_other("national.dues_settings", notice="The dues settings are saved.")


def _page(form: DuesSettingsForm) -> str:
    form.late_fee_kind.choices[0] = offered([("", _standard())])[0]
    return render_template("national/dues_settings/index.html", form=form)


def _standard() -> str:
    currency = current_organization.currency
    fee = money.display(standard_late_fee(currency), currency, current_organization.locale)
    return f"Standard: {fee} after {STANDARD_LATE_FEE_AFTER_DAYS} days"
