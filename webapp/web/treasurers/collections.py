"""How much of what was owed to the chapter came in, over any days."""

from werkzeug.wrappers import Response

from webapp.domain.reporting.collections.report import By
from webapp.web import collections as shared
from webapp.web.gates import current_chapter
from webapp.web.treasurers import treasurers


@treasurers.get("/reports/collections/")
def collections() -> Response:
    return shared.collections("treasurers", By.PLEDGE_CLASS, chapter_id=current_chapter.id)


@treasurers.get("/reports/collections/documents/")
def collected_documents() -> Response:
    return shared.documents("treasurers", chapter_id=current_chapter.id)
