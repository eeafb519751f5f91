"""What the chapter's members owed on days that are written down."""

from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.domain.reporting.snapshots import Place
from webapp.web import snapshot_lists
from webapp.web import snapshots as shared
from webapp.web.gates import current_chapter
from webapp.web.treasurers import treasurers


@treasurers.get("/snapshots/")
def snapshots() -> Response:
    return shared.index("treasurers", Place(current_chapter.id))


@treasurers.get("/snapshots/<uuid:snapshot_id>/")
def snapshot(snapshot_id: UUID) -> Response | str:
    return shared.show("treasurers", snapshot_id, Place(current_chapter.id))


@treasurers.get("/snapshots/<uuid:snapshot_id>/comparison")
def snapshot_comparison(snapshot_id: UUID) -> Response | str:
    other_id = request.args.get("other", type=UUID)
    return shared.compare("treasurers", snapshot_id, other_id, Place(current_chapter.id))


@treasurers.get("/snapshots/<uuid:snapshot_id>/lines")
def snapshot_lines(snapshot_id: UUID) -> Response:
    return snapshot_lists.lines("treasurers", snapshot_id, Place(current_chapter.id))


@treasurers.get("/snapshots/<uuid:snapshot_id>/comparison/members")
def snapshot_changes(snapshot_id: UUID) -> Response:
    return snapshot_lists.changes("treasurers", snapshot_id, Place(current_chapter.id))
