"""Any invoice's pay link."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import pay_links as shared
from webapp.web.invoices import loaded
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/invoices/<uuid:invoice_id>/pay-link")
def pay_link(invoice_id: UUID) -> str:
    return shared.show("national", loaded(invoice_id))


@national.post("/invoices/<uuid:invoice_id>/pay-link")
@acts_once
def create_pay_link(invoice_id: UUID) -> Response:
    return shared.renew("national", loaded(invoice_id).id)
