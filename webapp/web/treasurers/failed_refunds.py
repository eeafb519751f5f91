"""Refunds to members of the chapter that did not arrive."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import failed_refunds as shared
from webapp.web.gates import current_chapter
from webapp.web.treasurers import treasurers


@treasurers.get("/refunds/failed/")
def failed_refunds() -> str:
    return shared.index("treasurers", chapter_id=current_chapter.id)


@treasurers.post("/refunds/<uuid:refund_id>/failure-handling")
def create_failure_handling(refund_id: UUID) -> Response:
    return shared.settle("treasurers", refund_id, chapter_id=current_chapter.id)
