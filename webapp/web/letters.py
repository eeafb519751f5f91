"""An invoice as PDF, for whoever may see it."""

from flask import Response

from webapp import wiring
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import invoice_pdf
from webapp.web.gates import current_organization
from webapp.web.invoices import as_file


def pdf_of(invoice: Invoice) -> Response:
    """The drawing that was mailed, if nothing on it has changed since; a new one otherwise."""
    letter = invoice_pdf.letter_of(
        invoice, current_organization, wiring.links(), test_mode=wiring.settings().test_mode
    )
    return as_file(invoice_pdf.kept(letter) or wiring.drawn(letter), letter.file_name)
