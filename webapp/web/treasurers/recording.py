"""Money that members of the chapter paid by hand."""

from werkzeug.wrappers import Response

from webapp.web import recording
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/payments/new")
def new_payment() -> Response:
    return recording.new("treasurers", chapter=current_chapter)


@treasurers.post("/payments/")
@acts_once
def create_payment() -> Response:
    return recording.create("treasurers", chapter=current_chapter)
