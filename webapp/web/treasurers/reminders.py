"""Tomorrow's reminders to members of the chapter."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import reminders as shared
from webapp.web.gates import current_chapter
from webapp.web.invoices import loaded
from webapp.web.treasurers import treasurers


@treasurers.get("/reminders/")
def reminders() -> Response:
    return shared.index("treasurers", chapter_id=current_chapter.id)


@treasurers.get("/invoices/<uuid:invoice_id>/reminder")
def reminder(invoice_id: UUID) -> str:
    return shared.preview("treasurers", loaded(invoice_id, chapter_id=current_chapter.id))
