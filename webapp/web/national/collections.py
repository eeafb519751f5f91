"""How much of what was owed to all chapters came in, over any days."""

from werkzeug.wrappers import Response

from webapp.domain.reporting.collections.report import By
from webapp.web import collections as shared
from webapp.web.national import national


@national.get("/reports/collections/")
def collections() -> Response:
    return shared.collections("national", By.CHAPTER)


@national.get("/reports/collections/documents/")
def collected_documents() -> Response:
    return shared.documents("national")
