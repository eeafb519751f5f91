"""Statements of the organization, of each chapter, and of each member."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.domain.organizations import Chapter
from webapp.web import roster
from webapp.web.gates import current_organization
from webapp.web.national import national
from webapp.web.statements import Whose, show


@national.get("/statement/")
def statement() -> Response:
    return show("national", Whose.organization(current_organization))


@national.get("/chapters/<uuid:chapter_id>/statement/")
def chapter_statement(chapter_id: UUID) -> Response:
    return show("national", Whose.chapter(Chapter.here().get(chapter_id)))


@national.get("/members/<uuid:member_id>/statement/")
def member_statement(member_id: UUID) -> Response:
    return show("national", Whose.member(roster.loaded(member_id)))
