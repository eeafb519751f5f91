"""A chapter's invoices."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import invoices as shared
from webapp.web import voiding
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/invoices/")
def invoices() -> Response:
    return shared.index("treasurers", chapter_id=current_chapter.id)


@treasurers.get("/invoices/<uuid:invoice_id>")
def invoice(invoice_id: UUID) -> str:
    return shared.page("treasurers", shared.loaded(invoice_id, chapter_id=current_chapter.id))


@treasurers.get("/invoices/<uuid:invoice_id>/voiding")
def new_voiding(invoice_id: UUID) -> Response:
    return voiding.new("treasurers", invoice_id, chapter_id=current_chapter.id)


@treasurers.post("/invoices/<uuid:invoice_id>/voiding")
@acts_once
def create_voiding(invoice_id: UUID) -> Response:
    return voiding.create("treasurers", invoice_id, chapter_id=current_chapter.id)
