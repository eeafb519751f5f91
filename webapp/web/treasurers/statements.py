"""Statements of the chapter, and of each of its members as far as they owe it."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import roster
from webapp.web.gates import current_chapter
from webapp.web.statements import Whose, show
from webapp.web.treasurers import treasurers


@treasurers.get("/statement/")
def statement() -> Response:
    return show("treasurers", Whose.chapter(current_chapter))


@treasurers.get("/members/<uuid:member_id>/statement/")
def member_statement(member_id: UUID) -> Response:
    member = roster.loaded(member_id, chapter=current_chapter)
    return show("treasurers", Whose.member(member, in_chapter=current_chapter))
