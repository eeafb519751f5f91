"""All invoices of the organization."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import invoices as shared
from webapp.web import voiding
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/invoices/")
def invoices() -> Response:
    return shared.index("national")


@national.get("/invoices/<uuid:invoice_id>")
def invoice(invoice_id: UUID) -> str:
    return shared.page("national", shared.loaded(invoice_id))


@national.get("/invoices/<uuid:invoice_id>/voiding")
def new_voiding(invoice_id: UUID) -> Response:
    return voiding.new("national", invoice_id)


@national.post("/invoices/<uuid:invoice_id>/voiding")
@acts_once
def create_voiding(invoice_id: UUID) -> Response:
    return voiding.create("national", invoice_id)
