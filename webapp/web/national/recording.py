"""Money that members of any chapter paid by hand."""

from werkzeug.wrappers import Response

from webapp.web import recording
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/payments/new")
def new_payment() -> Response:
    return recording.new("national")


@national.post("/payments/")
@acts_once
def create_payment() -> Response:
    return recording.create("national")
