"""How healthy the chapter is, and how that is scored."""

from werkzeug.wrappers import Response

from webapp.web import chapter_health as shared
from webapp.web.gates import current_chapter
from webapp.web.treasurers import treasurers


@treasurers.get("/reports/health/")
def chapter_health() -> Response:
    return shared.show(current_chapter)


@treasurers.get("/reports/health/method/")
def health_method() -> str:
    return shared.published_method("treasurers")
