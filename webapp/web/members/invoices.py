"""A member's own invoices."""

from uuid import UUID

from flask import render_template

from webapp.domain.billing.attachments import Attachment
from webapp.web import invoices as shared
from webapp.web.gates import current_member
from webapp.web.members import members


@members.get("/invoices/<uuid:invoice_id>")
def invoice(invoice_id: UUID) -> str:
    found = shared.loaded(invoice_id, member_id=current_member.id)
    documents = Attachment.names([one.id for one in found.adjustments])
    return render_template(
        "members/invoices/show.html", persona="members", documents=documents, **shared.shown(found)
    )
