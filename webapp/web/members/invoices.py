"""A member's own invoices."""

from uuid import UUID

from flask import render_template

from webapp.domain.billing.attachments import Attachment
from webapp.web import invoices as shared
from webapp.web.gates import current_member
from webapp.web.members import members

_AMONG_OFFICERS = ("refund_requested", "refund_denied", "refund_withdrawn")
"""What officers weigh before any money moves is not the member's to follow."""


@members.get("/invoices/<uuid:invoice_id>")
def invoice(invoice_id: UUID) -> str:
    found = shared.loaded(invoice_id, member_id=current_member.id)
    shown = shared.shown(found)
    shown["events"] = [event for event in shown["events"] if event.what not in _AMONG_OFFICERS]
    documents = Attachment.names([one.id for one in found.adjustments])
    return render_template("members/invoices/show.html", persona="members", documents=documents, **shown)
