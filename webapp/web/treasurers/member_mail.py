"""Reminders to a member of the chapter."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import member_mail as shared
from webapp.web import roster
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/members/<uuid:member_id>/mail")
def member_mail(member_id: UUID) -> str:
    return shared.show("treasurers", roster.loaded(member_id, chapter=current_chapter))


@treasurers.post("/members/<uuid:member_id>/mail")
@acts_once
def update_member_mail(member_id: UUID) -> Response | tuple[str, int]:
    return shared.update("treasurers", roster.loaded(member_id, chapter=current_chapter))
