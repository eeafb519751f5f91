"""The members of one chapter."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import roster
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/members/")
def members() -> Response:
    return roster.index("treasurers", chapter=current_chapter)


@treasurers.get("/members/new")
def new_member() -> str:
    return roster.new("treasurers", [current_chapter])


@treasurers.post("/members/")
@acts_once
def create_member() -> Response | tuple[str, int]:
    return roster.create("treasurers", [current_chapter])


@treasurers.get("/members/<uuid:member_id>/")
def member(member_id: UUID) -> str:
    return roster.show("treasurers", roster.loaded(member_id, chapter=current_chapter))


@treasurers.get("/members/<uuid:member_id>/edit")
def edit_member(member_id: UUID) -> str:
    return roster.edit("treasurers", roster.loaded(member_id, chapter=current_chapter), [current_chapter])


@treasurers.post("/members/<uuid:member_id>/")
@acts_once
def update_member(member_id: UUID) -> Response | tuple[str, int]:
    return roster.update("treasurers", member_id, [current_chapter])


@treasurers.post("/members/<uuid:member_id>/invitation")
def invite_member(member_id: UUID) -> Response:
    return roster.invite("treasurers", roster.loaded(member_id, chapter=current_chapter))
