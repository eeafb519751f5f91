"""What was owed to all chapters by age, month by month."""

from werkzeug.wrappers import Response

from webapp.web import aging_trend as shared
from webapp.web.national import national


@national.get("/reports/aging-trend/")
def aging_trend() -> Response:
    return shared.aging_trend("national")
