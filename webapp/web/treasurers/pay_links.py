"""The pay link of an invoice of the chapter."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import pay_links as shared
from webapp.web.gates import current_chapter
from webapp.web.invoices import loaded
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/invoices/<uuid:invoice_id>/pay-link")
def pay_link(invoice_id: UUID) -> str:
    return shared.show("treasurers", loaded(invoice_id, chapter_id=current_chapter.id))


@treasurers.post("/invoices/<uuid:invoice_id>/pay-link")
@acts_once
def create_pay_link(invoice_id: UUID) -> Response:
    return shared.renew("treasurers", loaded(invoice_id, chapter_id=current_chapter.id).id)
