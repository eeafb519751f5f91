"""What is owed to the chapter, by age, on any day."""

from werkzeug.wrappers import Response

from webapp.domain.reporting.aging import By
from webapp.web import aging as shared
from webapp.web.gates import current_chapter
from webapp.web.treasurers import treasurers


@treasurers.get("/reports/aging/")
def aging() -> Response:
    return shared.report("treasurers", By.MEMBER, chapter_id=current_chapter.id)


@treasurers.get("/reports/aging/invoices/")
def aged_invoices() -> Response:
    return shared.invoices("treasurers", chapter_id=current_chapter.id)
