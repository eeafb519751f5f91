"""What was owed to the chapter by age, month by month."""

from werkzeug.wrappers import Response

from webapp.web import aging_trend as shared
from webapp.web.gates import current_chapter
from webapp.web.treasurers import treasurers


@treasurers.get("/reports/aging-trend/")
def aging_trend() -> Response:
    return shared.aging_trend("treasurers", chapter_id=current_chapter.id)
