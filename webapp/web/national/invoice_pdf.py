"""Any invoice as PDF."""

from uuid import UUID

from flask import Response

from webapp.web.invoices import loaded
from webapp.web.letters import pdf_of
from webapp.web.national import national


@national.get("/invoices/<uuid:invoice_id>/pdf")
def invoice_pdf(invoice_id: UUID) -> Response:
    return pdf_of(loaded(invoice_id))
