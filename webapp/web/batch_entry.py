"""A batch as it is typed: its slip, its file, and the rows of its grid."""

from collections.abc import Sequence
from uuid import UUID

from flask import request
from wtforms import BooleanField, DateField, FileField, HiddenField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from webapp.domain.payments import batches
from webapp.domain.payments.batch_lines import Typed
from webapp.domain.payments.batches import ReceiptBatch, Slip
from webapp.domain.payments.payment import OFFLINE, Method
from webapp.web.forms import Form, MoneyField, NotNegative, offered

MOST_TYPED = 100
"""Rows that one page of the grid sends."""


class BeginForm(Form):
    """What a draft begins with; the slip's figures follow."""

    method = SelectField("How it came", choices=offered((one.value, one.label) for one in OFFLINE))
    deposited_on = DateField("Day of the deposit", [InputRequired("Enter the day of the deposit.")])


class SlipForm(BeginForm):
    reference = StringField("Deposit reference", [Length(max=100)])
    count = IntegerField(
        "How many, by the slip", [Optional(), NumberRange(1, batches.MOST_LINES, "Enter how many there are.")]
    )
    total = MoneyField("Total, by the slip", [NotNegative()])
    receipts = BooleanField("Mail everybody a receipt when it is posted")
    version = HiddenField()

    def slip(self) -> Slip:
        return Slip(
            method=Method(self.method.data),
            deposited_on=self.deposited_on.data,
            reference=self.reference.data or "",
            count=self.count.data,
            total=self.total.data,
            receipts=self.receipts.data,
        )


class FileForm(Form):
    file = FileField("CSV file", description="With columns such as “Member number”, “Amount”, “Reference”.")


def slip_form(batch: ReceiptBatch) -> SlipForm:
    stored = {
        "reference": batch.deposit_reference,
        "count": batch.expected_count,
        "total": batch.expected_total,
    }
    return SlipForm(formdata=None, obj=batch, data=stored | {"method": batch.method.value})


def typed_rows() -> Sequence[Typed]:
    """The rows of the grid that were sent."""
    places = sorted({place for name in request.form if (place := _place(name))})
    return [
        Typed(
            place,
            request.form.get(f"who-{place}", ""),
            request.form.get(f"amount-{place}", ""),
            request.form.get(f"reference-{place}", ""),
            request.form.get(f"member-{place}", type=UUID),
        )
        for place in places[:MOST_TYPED]
    ]


def _place(name: str) -> int | None:
    text = name.removeprefix("who-")
    place = number_in(text) if text != name else None
    return place if place and 0 < place <= batches.MOST_LINES * 2 else None


def number_in(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
