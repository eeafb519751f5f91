"""All reports on one page."""

from webapp.web import reports as shared
from webapp.web.national import national


@national.get("/reports/")
def reports() -> str:
    return shared.index("national")
