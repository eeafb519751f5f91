"""A member's own letter of good standing."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import good_standing as shared
from webapp.web.gates import current_member
from webapp.web.members import members
from webapp.web.request_keys import acts_once


@members.post("/standing-letters/")
@acts_once
def create_standing_letter() -> Response:
    return shared.write_letter("members", current_member.id)


@members.get("/standing-letters/<uuid:letter_id>/pdf")
def standing_letter(letter_id: UUID) -> Response:
    return shared.letter_pdf(letter_id, id=current_member.id)
