"""Taking back a payment that was recorded wrongly."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import reversals
from webapp.web.national import national
from webapp.web.payments import loaded
from webapp.web.request_keys import acts_once


@national.get("/payments/<uuid:payment_id>/reversal")
def new_reversal(payment_id: UUID) -> Response:
    return reversals.new("national", loaded(payment_id))


@national.post("/payments/<uuid:payment_id>/reversal")
@acts_once
def create_reversal(payment_id: UUID) -> Response:
    return reversals.create("national", loaded(payment_id))
