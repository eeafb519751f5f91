"""Money that goes back to members of the chapter."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import refunding
from webapp.web import refunds as shared
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/refunds/")
def refunds() -> Response:
    return shared.index("treasurers", chapter_id=current_chapter.id)


@treasurers.get("/invoices/<uuid:invoice_id>/refund")
def new_refund(invoice_id: UUID) -> Response:
    return refunding.new("treasurers", invoice_id, chapter_id=current_chapter.id)


@treasurers.post("/invoices/<uuid:invoice_id>/refund")
@acts_once
def create_refund(invoice_id: UUID) -> Response:
    return refunding.create("treasurers", invoice_id, chapter_id=current_chapter.id)
