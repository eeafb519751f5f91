"""Giving back what was paid on an invoice: what it would do is shown before it is confirmed."""

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds import cap, refundable, requesting
from webapp.domain.refunds.deciding import Asked
from webapp.domain.refunds.refund import How
from webapp.domain.refunds.refundable import Refundable
from webapp.domain.refunds.requesting import Preview, Terms
from webapp.web import invoices
from webapp.web.filters import date_text, money_text
from webapp.web.forms import Form, MoneyField, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other

_ASIDE = ("csrf_token", "form_key")


class RefundForm(Form):
    payment = RadioField("Which payment", [InputRequired("Choose the payment to give back.")])
    amount = MoneyField("Amount", [InputRequired("Enter how much goes back.")])
    how = RadioField("How it goes back", choices=[], default=How.ORIGINAL.value)
    check_number = StringField("Check number", [Length(max=40)])
    afterwards = RadioField(
        "Afterwards",
        choices=offered([("settled", "The invoice stays settled"), ("owed", "It is owed again")]),
        default="settled",
    )
    reason = TextAreaField("Reason", [InputRequired("Say why. Others will read it."), Length(max=500)])

    def terms(self) -> Terms:
        return Terms(
            amount=self.amount.data or 0,
            how=How(self.how.data),
            reason=self.reason.data,
            reinstates_debt=self.afterwards.data == "owed",
            check_number=self.check_number.data or None,
        )


def new(persona: str, invoice_id: UUID, **conditions: Any) -> Response:
    """With what can go back filled in, or with the preview of what was typed."""
    invoice = invoices.loaded(invoice_id, **conditions)
    sources = [one for one in refundable.of_invoice(invoice) if one.left]
    if "amount" not in request.args:
        return _page(persona, invoice, sources, _filled_in(sources))
    form = _offering(sources, RefundForm(formdata=request.args, meta={"csrf": False}))
    preview = _look(form, invoice, sources)
    return _page(persona, invoice, sources, form, preview, status=200 if preview else 422)


def create(persona: str, invoice_id: UUID, **conditions: Any) -> Response:
    invoice = invoices.loaded(invoice_id, **conditions)
    sources = [one for one in refundable.of_invoice(invoice) if one.left]
    form = _offering(sources, RefundForm())
    if _look(form, invoice, sources) is None:
        return _page(persona, invoice, sources, form, status=422)
    try:
        with transaction():
            asked = requesting.request_refund(
                invoice_id,
                UUID(form.payment.data),
                form.terms(),
                by=current_user,
                on=current_organization.today,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(persona, invoice, sources, form, status=422)
    told, tone = _told(asked, invoice)
    return see_other(f"{persona}.invoice", invoice_id=invoice_id, notice=told, tone=tone)


def _told(asked: Asked, invoice: Invoice) -> tuple[str, str]:
    shown = money_text(asked.refund.amount, invoice.currency)
    if asked.approval is not None:
        return (
            f"{shown} is above what you may refund alone. It waits for approval; no money has moved.",
            "calm",
        )
    if asked.refund.how is How.CHECK:
        return f"The check over {shown} is in the books. The member is told.", "good"
    return f"{shown} is on its way back. You see here when it has arrived.", "good"


def _look(form: RefundForm, invoice: Invoice, sources: list[Refundable]) -> Preview | None:
    """What it would do; None when it can't be done, and the form says why."""
    if not form.validate():
        return None
    payment = next(one.payment for one in sources if str(one.payment.id) == form.payment.data)
    try:
        return requesting.preview(invoice, payment, form.terms(), by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return None


def _filled_in(sources: list[Refundable]) -> RefundForm:
    if not sources:
        return _offering(sources, RefundForm(formdata=None))
    first = sources[0]
    return _offering(
        sources,
        RefundForm(
            formdata=None,
            payment=str(first.payment.id),
            amount=first.left,
            how=How.CHECK.value if first.payment.is_offline else How.ORIGINAL.value,
        ),
    )


def _offering(sources: list[Refundable], form: RefundForm) -> RefundForm:
    form.payment.choices = offered((str(one.payment.id), _named(one.payment, one.left)) for one in sources)
    form.how.choices = offered((how.value, how.label) for how in How.back_to(one.payment for one in sources))
    return form


def _named(payment: Payment, left: int) -> str:
    detail = f", {payment.payer_detail}" if payment.payer_detail else ""
    paid = f"{money_text(payment.amount, payment.currency)} on {date_text(payment.received_on)}"
    return f"{payment.method.label}{detail}, {paid}: {money_text(left, payment.currency)} can go back"


def _page(
    persona: str,
    invoice: Invoice,
    sources: list[Refundable],
    form: RefundForm,
    preview: Preview | None = None,
    *,
    status: int = 200,
) -> Response:
    given = request.form if request.method == "POST" else request.args
    page = render_template(
        "shared/refunds/new.html",
        persona=persona,
        invoice=invoice,
        sources=sources,
        form=form,
        fresh=Form(formdata=None),
        cap=preview.cap if preview else cap.cap_on(invoice, current_user),
        preview=preview,
        typed=[(name, text) for name, text in given.items(multi=True) if name not in _ASIDE],
    )
    return Response(page, status, mimetype="text/html")
