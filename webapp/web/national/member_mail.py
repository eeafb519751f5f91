"""Reminders to any member."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import member_mail as shared
from webapp.web import roster
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/members/<uuid:member_id>/mail")
def member_mail(member_id: UUID) -> str:
    return shared.show("national", roster.loaded(member_id))


@national.post("/members/<uuid:member_id>/mail")
@acts_once
def update_member_mail(member_id: UUID) -> Response | tuple[str, int]:
    return shared.update("national", roster.loaded(member_id))
