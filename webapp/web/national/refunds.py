"""Money that goes back to members, of all chapters."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import refunding
from webapp.web import refunds as shared
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/refunds/")
def refunds() -> Response:
    return shared.index("national")


@national.get("/invoices/<uuid:invoice_id>/refund")
def new_refund(invoice_id: UUID) -> Response:
    return refunding.new("national", invoice_id)


@national.post("/invoices/<uuid:invoice_id>/refund")
@acts_once
def create_refund(invoice_id: UUID) -> Response:
    return refunding.create("national", invoice_id)
