"""Late fees of all chapters."""

from werkzeug.wrappers import Response

from webapp.web import late_fees as shared
from webapp.web.national import national


@national.get("/late-fees/")
def late_fees() -> Response:
    return shared.index("national")
