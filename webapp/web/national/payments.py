"""Every payment of the organization, each with its attempts, its fee, and what it settled."""

from uuid import UUID

from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.payments import fees, receiving
from webapp.web import payments as shared
from webapp.web.forms import Form, MoneyField, NotNegative
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once


class FeeForm(Form):
    fee = MoneyField("Fee", validators=[InputRequired("Enter the fee."), NotNegative()])
    reason = StringField("How do you know?", validators=[InputRequired("Say where you have read it.")])


@national.get("/payments/")
def payments() -> Response:
    return shared.index("national")


@national.get("/payments/<uuid:payment_id>/")
def payment(payment_id: UUID) -> str:
    return shared.page("national", shared.loaded(payment_id), FeeForm())


@national.post("/payments/<uuid:payment_id>/receipt")
@acts_once
def create_receipt(payment_id: UUID) -> Response:
    return shared.send_receipt("national", payment_id)


@national.post("/payments/<uuid:payment_id>/fee")
@acts_once
def confirm_fee(payment_id: UUID) -> Response | tuple[str, int]:
    form = FeeForm()
    fee = form.fee.data
    if not form.validate_on_submit() or fee is None:
        return shared.page("national", shared.loaded(payment_id), form), 422
    try:
        with transaction():
            held = receiving.hold(payment_id)
            fees.confirm_by_hand(held.payment, fee, reason=form.reason.data, by=current_user)
            receiving.receive_if_ready(held, on=current_organization.today, by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return shared.page("national", shared.loaded(payment_id), form), 422
    return see_other("national.payment", payment_id=payment_id, notice="The fee is confirmed and booked.")
