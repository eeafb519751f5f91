"""All invoices of the organization."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.domain.billing.invoice import Invoice
from webapp.web import invoices as shared
from webapp.web.forms import ReasonForm
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/invoices/")
def invoices() -> Response:
    return shared.index("national")


@national.get("/invoices/<uuid:invoice_id>")
def invoice(invoice_id: UUID) -> str:
    found = shared.loaded(invoice_id)
    return render_template("shared/invoices/show.html", persona="national", **shared.shown(found))


@national.get("/invoices/<uuid:invoice_id>/voiding")
def new_voiding(invoice_id: UUID) -> Response:
    return _voiding(invoice_id, ReasonForm())


@national.post("/invoices/<uuid:invoice_id>/voiding")
@acts_once
def create_voiding(invoice_id: UUID) -> Response:
    form = ReasonForm()
    shared.loaded(invoice_id)
    if not form.validate():
        return _voiding(invoice_id, form, status=422)
    with transaction():
        found = Invoice.here().get(invoice_id, lock=True)
        found.void(by=current_user, reason=form.reason.data, on=current_organization.today)
    return see_other("national.invoice", invoice_id=invoice_id, notice=f"Invoice {found.number} is void.")


def _voiding(invoice_id: UUID, form: ReasonForm, status: int = 200) -> Response:
    found = shared.loaded(invoice_id)
    page, partial = "shared/invoices/voiding.html", "shared/invoices/_voiding.html"
    return respond(page, partial, status=status, form=form, persona="national", invoice=found)
