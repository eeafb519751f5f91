"""Credit notes of the chapter's members: found, read, given, used and taken back."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.domain.credits.credit_note import CreditNote
from webapp.web import credit_applications, credit_withdrawals, goodwill, reallocations, releases
from webapp.web import credit_notes as shared
from webapp.web.gates import chapter_member, current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/credit-notes/")
def credit_notes() -> Response:
    return shared.index("treasurers", chapter_id=current_chapter.id)


@treasurers.get("/credit-notes/<uuid:note_id>/")
def credit_note(note_id: UUID) -> str:
    return shared.show("treasurers", _note(note_id))


@treasurers.get("/credit-notes/<uuid:note_id>/pdf")
def credit_note_pdf(note_id: UUID) -> Response:
    return shared.pdf(_note(note_id))


@treasurers.get("/credit-notes/<uuid:note_id>/application")
def new_credit_application(note_id: UUID) -> Response:
    return credit_applications.new("treasurers", _note(note_id))


@treasurers.post("/credit-notes/<uuid:note_id>/application")
@acts_once
def create_credit_application(note_id: UUID) -> Response:
    return credit_applications.create("treasurers", _note(note_id))


@treasurers.get("/credit-notes/<uuid:note_id>/release")
def new_credit_release(note_id: UUID) -> str:
    return releases.new("treasurers", _note(note_id))


@treasurers.post("/credit-notes/<uuid:note_id>/release")
@acts_once
def create_credit_release(note_id: UUID) -> Response | tuple[str, int]:
    return releases.create("treasurers", _note(note_id))


@treasurers.get("/credit-notes/<uuid:note_id>/withdrawal")
def new_credit_withdrawal(note_id: UUID) -> str:
    return credit_withdrawals.new("treasurers", _note(note_id))


@treasurers.post("/credit-notes/<uuid:note_id>/withdrawal")
@acts_once
def create_credit_withdrawal(note_id: UUID) -> Response | tuple[str, int]:
    return credit_withdrawals.create("treasurers", _note(note_id))


@treasurers.post("/credit-applications/<uuid:application_id>/undoing")
def undo_credit_application(application_id: UUID) -> Response:
    return credit_applications.undo("treasurers", application_id, chapter_id=current_chapter.id)


@treasurers.get("/members/<uuid:member_id>/goodwill")
def new_goodwill(member_id: UUID) -> str:
    return goodwill.new("treasurers", chapter_member(member_id))


@treasurers.post("/members/<uuid:member_id>/goodwill")
@acts_once
def create_goodwill(member_id: UUID) -> Response | tuple[str, int]:
    return goodwill.create("treasurers", chapter_member(member_id))


@treasurers.get("/allocations/<uuid:allocation_id>/undoing")
def new_reallocation(allocation_id: UUID) -> Response:
    return reallocations.new("treasurers", reallocations.loaded(allocation_id, chapter_id=current_chapter.id))


@treasurers.post("/allocations/<uuid:allocation_id>/undoing")
@acts_once
def create_reallocation(allocation_id: UUID) -> Response:
    return reallocations.create(
        "treasurers", reallocations.loaded(allocation_id, chapter_id=current_chapter.id)
    )


def _note(note_id: UUID) -> CreditNote:
    return shared.loaded(note_id, chapter_id=current_chapter.id)
