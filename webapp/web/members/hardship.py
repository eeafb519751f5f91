"""A member who can't pay an invoice asks to owe less, and follows what becomes of it."""

from uuid import UUID

from flask import Response as File
from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import FileField, TextAreaField
from wtforms.validators import InputRequired, Length

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import adjusting
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import uploads
from webapp.domain.organizations.uploads import Document
from webapp.web import adjustments as shared
from webapp.web import invoices
from webapp.web.forms import Form, MoneyField
from webapp.web.gates import current_member
from webapp.web.htmx import see_other
from webapp.web.members import members
from webapp.web.request_keys import acts_once


class HardshipForm(Form):
    amount = MoneyField("How much should be taken off?", [InputRequired("Enter the amount.")])
    reason = TextAreaField(
        "Why can't you pay it?",
        [InputRequired("Say what happened, in your own words."), Length(max=500)],
    )
    document = FileField("A document, if you have one")

    def sent(self) -> Document | None:
        upload = self.document.data
        if not upload or not upload.filename:
            return None
        try:
            return uploads.accepted(upload.filename, upload.read(uploads.MOST_BYTES + 1))
        except Invalid as refusal:
            raise Invalid(fields={"document": refusal.message}) from refusal


@members.get("/invoices/<uuid:invoice_id>/hardship")
def hardship(invoice_id: UUID) -> str:
    invoice = invoices.loaded(invoice_id, member_id=current_member.id)
    return _page(invoice, HardshipForm(formdata=None, amount=invoice.owed))


@members.post("/invoices/<uuid:invoice_id>/hardship")
@acts_once
def ask_for_hardship(invoice_id: UUID) -> Response | tuple[str, int]:
    invoice, form = invoices.loaded(invoice_id, member_id=current_member.id), HardshipForm()
    if not form.validate():
        return _page(invoice, form), 422
    try:
        document = form.sent()
        with transaction():
            held = Invoice.here().get(invoice_id, lock=True)
            adjusting.ask_for_hardship(
                held, form.amount.data or 0, form.reason.data, document=document, by=current_user
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(invoices.loaded(invoice_id, member_id=current_member.id), form), 422
    return see_other(
        "members.invoice",
        invoice_id=invoice_id,
        notice="Your request is sent. You hear from us when somebody has decided.",
    )


@members.post("/adjustments/<uuid:adjustment_id>/withdrawal")
def withdraw_hardship(adjustment_id: UUID) -> Response:
    return shared.withdraw("members", adjustment_id, member_id=current_member.id)


@members.get("/adjustments/<uuid:adjustment_id>/document")
def hardship_document(adjustment_id: UUID) -> File:
    return shared.document(adjustment_id, member_id=current_member.id)


def _page(invoice: Invoice, form: HardshipForm) -> str:
    return render_template("members/hardship/new.html", invoice=invoice, form=form)
