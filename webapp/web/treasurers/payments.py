"""Payments of the chapter's members."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import payments as shared
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/payments/")
def payments() -> Response:
    return shared.index("treasurers", chapter=current_chapter)


@treasurers.get("/payments/<uuid:payment_id>/")
def payment(payment_id: UUID) -> str:
    return shared.page("treasurers", shared.loaded(payment_id, chapter=current_chapter))


@treasurers.post("/payments/<uuid:payment_id>/receipt")
@acts_once
def create_receipt(payment_id: UUID) -> Response:
    return shared.send_receipt("treasurers", payment_id, chapter=current_chapter)
