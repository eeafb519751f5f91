"""A member's own invoice as PDF."""

from uuid import UUID

from flask import Response

from webapp.web.gates import current_member
from webapp.web.invoices import loaded
from webapp.web.letters import pdf_of
from webapp.web.members import members


@members.get("/invoices/<uuid:invoice_id>/pdf")
def invoice_pdf(invoice_id: UUID) -> Response:
    return pdf_of(loaded(invoice_id, member_id=current_member.id))
