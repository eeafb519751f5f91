"""All members of the organization."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import roster
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/members/")
def members() -> Response:
    return roster.index("national")


@national.get("/members/new")
def new_member() -> str:
    return roster.new("national", roster.chapters())


@national.post("/members/")
@acts_once
def create_member() -> Response | tuple[str, int]:
    return roster.create("national", roster.chapters())


@national.get("/members/<uuid:member_id>/")
def member(member_id: UUID) -> str:
    return roster.show("national", roster.loaded(member_id))


@national.get("/members/<uuid:member_id>/edit")
def edit_member(member_id: UUID) -> str:
    return roster.edit("national", roster.loaded(member_id), roster.chapters())


@national.post("/members/<uuid:member_id>/")
@acts_once
def update_member(member_id: UUID) -> Response | tuple[str, int]:
    return roster.update("national", member_id, roster.chapters())


@national.post("/members/<uuid:member_id>/invitation")
def invite_member(member_id: UUID) -> Response:
    return roster.invite("national", roster.loaded(member_id))
