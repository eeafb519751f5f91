"""Adjusting an invoice: what it would change is shown before it is confirmed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import HiddenField, RadioField, SelectField, TextAreaField
from wtforms.validators import InputRequired, Length

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import adjusting, adjustment_effect
from webapp.domain.billing.adjustment_effect import Change, Preview
from webapp.domain.billing.adjustments import AdjustmentKind, AdjustmentState, Direction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.payment import Allocation, Payment
from webapp.web import invoices
from webapp.web.filters import money_text
from webapp.web.forms import Form, MoneyField, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other

OPTIONS = {f"{kind}.{way}": (kind, way) for kind in AdjustmentKind for way in kind.directions}
_ASIDE = ("csrf_token", "form_key", "seen")


class AdjustmentForm(Form):
    """`seen` comes with the confirmation: what was owed when the preview was looked at."""

    what = RadioField(
        "What for",
        [InputRequired("Choose what it is for.")],
        choices=offered((name, f"{kind.label}: {way.words}") for name, (kind, way) in OPTIONS.items()),
    )
    amount = MoneyField("Amount", [InputRequired("Enter the amount.")])
    reason = TextAreaField(
        "Reason", [InputRequired("Say why. The member can read it on the invoice."), Length(max=500)]
    )
    payment = SelectField("About a payment", choices=[], default="")
    seen = HiddenField()

    def change(self) -> Change:
        kind, way = OPTIONS[self.what.data]
        payment_id = UUID(self.payment.data) if self.payment.data else None
        return Change(kind, self.amount.data or 0, self.reason.data, way, payment_id)


def new(persona: str, invoice_id: UUID, **conditions: Any) -> Response:
    """Empty, or with the preview of what was typed."""
    invoice = invoices.loaded(invoice_id, **conditions)
    if "amount" not in request.args:
        return _page(persona, invoice, _offering(invoice, AdjustmentForm(formdata=None)))
    form = _offering(invoice, AdjustmentForm(formdata=request.args, meta={"csrf": False}))
    preview = _look(form, invoice)
    return _page(persona, invoice, form, preview, status=200 if preview else 422)


def create(persona: str, invoice_id: UUID, **conditions: Any) -> Response:
    invoice = invoices.loaded(invoice_id, **conditions)
    form = _offering(invoice, AdjustmentForm())
    preview = _look(form, invoice)
    if preview is None:
        return _page(persona, invoice, form, status=422)
    if form.seen.data != str(preview.owed_before):
        return _page(persona, invoice, form, preview, status=409)
    with transaction():
        held = Invoice.here().get(invoice_id, lock=True)
        done = adjusting.adjust(held, form.change(), by=current_user, on=current_organization.today)
    if done.state is AdjustmentState.REQUESTED:
        told = "Somebody else has to approve this. Until then nothing changes."
        return see_other(f"{persona}.adjustment", adjustment_id=done.id, notice=told, tone="calm")
    owed = money_text(held.owed, held.currency)
    told = f"Done. {owed} is owed on invoice {held.number} now."
    return see_other(f"{persona}.invoice", invoice_id=invoice_id, notice=told)


def _look(form: AdjustmentForm, invoice: Invoice) -> Preview | None:
    """What it would do; None when it can't be done, and the form says why."""
    if not form.validate():
        return None
    try:
        return adjustment_effect.preview(invoice, form.change())
    except Invalid as refusal:
        form.refuse(
            Invalid(refusal.message, fields={_FIELDS.get(k, k): v for k, v in refusal.fields.items()})
        )
        return None


_FIELDS = {"direction": "what"}


def _offering(invoice: Invoice, form: AdjustmentForm) -> AdjustmentForm:
    form.payment.choices = offered(
        [("", "None"), *((str(one.id), _named(one)) for one in _payments(invoice))]
    )
    return form


def _payments(invoice: Invoice) -> Sequence[Payment]:
    """Whose money settles this invoice, or did."""
    settled = select(Allocation.payment_id).where(
        Allocation.organization_id == invoice.organization_id, Allocation.invoice_id == invoice.id
    )
    return db.session.scalars(Payment.here().select(Payment.id.in_(settled)).order_by(Payment.id)).all()


def _named(payment: Payment) -> str:
    how = payment.payer_detail or payment.method.label
    return f"{money_text(payment.amount, payment.currency)}, {how}, {payment.received_on}"


def _page(
    persona: str,
    invoice: Invoice,
    form: AdjustmentForm,
    preview: Preview | None = None,
    *,
    status: int = 200,
) -> Response:
    given = request.form if request.method == "POST" else request.args
    alone = preview is not None and adjusting.may_alone(current_user, invoice, form.change())
    page = render_template(
        "shared/adjustments/new.html",
        persona=persona,
        invoice=invoice,
        form=form,
        fresh=Form(formdata=None),
        preview=preview,
        raises=preview is not None and form.change().heading is Direction.RAISES,
        alone=alone,
        changed=status == 409,
        typed=[(name, text) for name, text in given.items(multi=True) if name not in _ASIDE],
    )
    return Response(page, status, mimetype="text/html")
