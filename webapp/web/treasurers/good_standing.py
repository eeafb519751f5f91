"""Who of the chapter is in good standing, and the letters that say so."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import good_standing as shared
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/standing/")
def good_standing() -> Response:
    return shared.index("treasurers", chapter_id=current_chapter.id)


@treasurers.post("/members/<uuid:member_id>/standing-letters/")
@acts_once
def create_standing_letter(member_id: UUID) -> Response:
    return shared.write_letter("treasurers", member_id, chapter_id=current_chapter.id)


@treasurers.get("/standing-letters/<uuid:letter_id>/pdf")
def standing_letter(letter_id: UUID) -> Response:
    return shared.letter_pdf(letter_id, chapter_id=current_chapter.id)
