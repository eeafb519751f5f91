"""What was owed on days that are written down, in all chapters."""

from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.domain.reporting.snapshots import Place
from webapp.web import snapshot_lists
from webapp.web import snapshots as shared
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/snapshots/")
def snapshots() -> Response:
    return shared.index("national", Place())


@national.post("/snapshots/")
@acts_once
def take_snapshot() -> Response:
    return shared.take("national")


@national.get("/snapshots/<uuid:snapshot_id>/")
def snapshot(snapshot_id: UUID) -> Response | str:
    return shared.show("national", snapshot_id, Place())


@national.get("/snapshots/<uuid:snapshot_id>/comparison")
def snapshot_comparison(snapshot_id: UUID) -> Response | str:
    return shared.compare("national", snapshot_id, request.args.get("other", type=UUID), Place())


@national.get("/snapshots/<uuid:snapshot_id>/lines")
def snapshot_lines(snapshot_id: UUID) -> Response:
    return snapshot_lists.lines("national", snapshot_id, Place())


@national.get("/snapshots/<uuid:snapshot_id>/comparison/members")
def snapshot_changes(snapshot_id: UUID) -> Response:
    return snapshot_lists.changes("national", snapshot_id, Place())
