"""Taking back a payment that was recorded wrongly."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import reversals
from webapp.web.gates import current_chapter
from webapp.web.payments import loaded
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/payments/<uuid:payment_id>/reversal")
def new_reversal(payment_id: UUID) -> Response:
    return reversals.new("treasurers", loaded(payment_id, chapter=current_chapter))


@treasurers.post("/payments/<uuid:payment_id>/reversal")
@acts_once
def create_reversal(payment_id: UUID) -> Response:
    return reversals.create("treasurers", loaded(payment_id, chapter=current_chapter))
