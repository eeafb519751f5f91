"""Late fees of the chapter."""

from werkzeug.wrappers import Response

from webapp.web import late_fees as shared
from webapp.web.gates import current_chapter
from webapp.web.treasurers import treasurers


@treasurers.get("/late-fees/")
def late_fees() -> Response:
    return shared.index("treasurers", chapter_id=current_chapter.id)
