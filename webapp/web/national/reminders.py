"""Tomorrow's reminders of all chapters."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import reminders as shared
from webapp.web.invoices import loaded
from webapp.web.national import national


@national.get("/reminders/")
def reminders() -> Response:
    return shared.index("national")


@national.get("/invoices/<uuid:invoice_id>/reminder")
def reminder(invoice_id: UUID) -> str:
    return shared.preview("national", loaded(invoice_id))
