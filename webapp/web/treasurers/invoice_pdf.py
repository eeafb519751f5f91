"""An invoice of the chapter as PDF."""

from uuid import UUID

from flask import Response

from webapp.web.gates import current_chapter
from webapp.web.invoices import loaded
from webapp.web.letters import pdf_of
from webapp.web.treasurers import treasurers


@treasurers.get("/invoices/<uuid:invoice_id>/pdf")
def invoice_pdf(invoice_id: UUID) -> Response:
    return pdf_of(loaded(invoice_id, chapter_id=current_chapter.id))
