"""A member's own credit notes."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import credit_notes as shared
from webapp.web.gates import current_member
from webapp.web.members import members


@members.get("/credit-notes/<uuid:note_id>/")
def credit_note(note_id: UUID) -> str:
    return shared.show("members", shared.loaded(note_id, member_id=current_member.id))


@members.get("/credit-notes/<uuid:note_id>/pdf")
def credit_note_pdf(note_id: UUID) -> Response:
    return shared.pdf(shared.loaded(note_id, member_id=current_member.id))
