"""What is owed to all chapters, by age, on any day."""

from werkzeug.wrappers import Response

from webapp.domain.reporting.aging import By
from webapp.web import aging as shared
from webapp.web.national import national


@national.get("/reports/aging/")
def aging() -> Response:
    return shared.report("national", By.CHAPTER)


@national.get("/reports/aging/invoices/")
def aged_invoices() -> Response:
    return shared.invoices("national")
