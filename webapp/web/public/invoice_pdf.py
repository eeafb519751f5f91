"""The invoice of a pay link as PDF, without a login."""

from flask import Response

from webapp import wiring
from webapp.domain.billing import pay_link
from webapp.web.invoices import loaded
from webapp.web.letters import pdf_of
from webapp.web.public import visitors
from webapp.web.public.pay import LinkIsOld


@visitors.get("/pay/<token>/pdf")
def invoice_pdf(token: str) -> Response:
    named = pay_link.read(token, wiring.settings().secret_key)
    if named is None:
        raise LinkIsOld
    invoice_id, version = named
    return pdf_of(loaded(invoice_id, pay_link_version=version))
