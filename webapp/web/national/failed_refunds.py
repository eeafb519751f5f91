"""Refunds that did not arrive, of all chapters."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import failed_refunds as shared
from webapp.web.national import national


@national.get("/refunds/failed/")
def failed_refunds() -> str:
    return shared.index("national")


@national.post("/refunds/<uuid:refund_id>/failure-handling")
def create_failure_handling(refund_id: UUID) -> Response:
    return shared.settle("national", refund_id)
