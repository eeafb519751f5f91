"""The invoice of a pay link as PDF, without a login."""

from flask import Response

from webapp.web.invoices import loaded
from webapp.web.letters import pdf_of
from webapp.web.public import visitors
from webapp.web.public.pay import invoice_of


@visitors.get("/pay/<token>/pdf")
def invoice_pdf(token: str) -> Response:
    return pdf_of(loaded(invoice_of(token).id))
