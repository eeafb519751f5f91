"""What every form has: CSRF, a key that makes it act once, and fields that read what people type."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, ValidationError

from webapp.core import money
from webapp.core.errors import Invalid
from webapp.web.gates import current_organization


def offered(pairs: Iterable[tuple[Any, str]]) -> list[SelectChoice]:
    """What a list or a row of radio buttons offers: a value and what it is called, each."""
    return [SelectChoice(value, label) for value, label in pairs]


class Form(FlaskForm):
    """`form_key` is made with the empty form; sent twice, it acts once (request_keys.py)."""

    form_key = HiddenField(default=lambda: uuid4().hex)

    def refuse(self, refusal: Invalid) -> None:
        """Show the domain's refusal at the fields it names, or above the form."""
        for name, sentence in refusal.fields.items():
            if name in self:
                self[name].errors = [*self[name].errors, sentence]
        if not refusal.fields:
            self.form_errors.append(refusal.message)


class MoneyField(StringField):
    """An amount in the organization's currency, typed as people type; `data` is minor units or None."""

    def process_formdata(self, valuelist: Sequence[Any]) -> None:
        self.raw_data = list(valuelist)
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            self.data = money.parse(text, current_organization.currency, current_organization.locale)
        except Invalid as refusal:
            raise ValueError(refusal.message) from refusal

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else money.plain(self.data, current_organization.currency)


class NotNegative:
    def __call__(self, form: Any, field: Any) -> None:
        if field.data is not None and field.data < 0:
            raise ValidationError("An amount can't be negative here.")


class ReasonForm(Form):
    """A change that others will read about needs its reason."""

    reason = TextAreaField(
        "Reason",
        validators=[DataRequired("Say why. It stands in the history for everybody."), Length(max=500)],
    )
