"""Who is in good standing, the letters that say so, and granting it."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import good_standing as shared
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/standing/")
def good_standing() -> Response:
    return shared.index("national")


@national.post("/members/<uuid:member_id>/standing-letters/")
@acts_once
def create_standing_letter(member_id: UUID) -> Response:
    return shared.write_letter("national", member_id)


@national.get("/standing-letters/<uuid:letter_id>/pdf")
def standing_letter(letter_id: UUID) -> Response:
    return shared.letter_pdf(letter_id)


@national.get("/members/<uuid:member_id>/standing-waiver")
def new_standing_waiver(member_id: UUID) -> str:
    return shared.new_waiver(member_id)


@national.post("/members/<uuid:member_id>/standing-waiver")
@acts_once
def create_standing_waiver(member_id: UUID) -> Response | tuple[str, int]:
    return shared.grant(member_id)


@national.post("/members/<uuid:member_id>/standing-waiver/ending")
def end_standing_waiver(member_id: UUID) -> Response:
    return shared.end_waiver(member_id)
