"""Undoing an import: what would become of its rows, the confirmation, and what could not be undone."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.domain.organizations import Chapter, RosterImport, roster_import, roster_undoing
from webapp.web.htmx import see_other
from webapp.web.lists import stream_csv

_HEADER = ("line", "member_number", "first_name", "last_name", "result", "reason")


def preview(persona: str, import_: RosterImport) -> str:
    """A page to read before confirming; nothing has happened yet."""
    roster_undoing.refuse_if_not_possible(import_)
    return render_template(
        "roster_imports/undoing.html",
        persona=persona,
        import_=import_,
        counts=roster_undoing.preview(import_),
        later=roster_undoing.imported_since(import_),
    )


def create(persona: str, import_id: UUID, chapter: Chapter | None = None) -> Response:
    with transaction():
        roster_undoing.request(roster_import.find(import_id, chapter=chapter, lock=True), by=current_user)
    return see_other(f"{persona}.roster_import", import_id=import_id)


def not_undone(import_: RosterImport) -> Response:
    return stream_csv("not-undone.csv", _HEADER, roster_undoing.not_undone(import_))
