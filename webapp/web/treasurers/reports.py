"""All reports on one page."""

from webapp.web import reports as shared
from webapp.web.treasurers import treasurers


@treasurers.get("/reports/")
def reports() -> str:
    return shared.index("treasurers")
