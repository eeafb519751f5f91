"""Credit notes of the whole organization: found, read, given, used and taken back."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.domain.organizations import Member
from webapp.web import credit_applications, credit_withdrawals, goodwill, reallocations, releases
from webapp.web import credit_notes as shared
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/credit-notes/")
def credit_notes() -> Response:
    return shared.index("national")


@national.get("/credit-notes/<uuid:note_id>/")
def credit_note(note_id: UUID) -> str:
    return shared.show("national", shared.loaded(note_id))


@national.get("/credit-notes/<uuid:note_id>/pdf")
def credit_note_pdf(note_id: UUID) -> Response:
    return shared.pdf(shared.loaded(note_id))


@national.get("/credit-notes/<uuid:note_id>/application")
def new_credit_application(note_id: UUID) -> Response:
    return credit_applications.new("national", shared.loaded(note_id))


@national.post("/credit-notes/<uuid:note_id>/application")
@acts_once
def create_credit_application(note_id: UUID) -> Response:
    return credit_applications.create("national", shared.loaded(note_id))


@national.get("/credit-notes/<uuid:note_id>/release")
def new_credit_release(note_id: UUID) -> str:
    return releases.new("national", shared.loaded(note_id))


@national.post("/credit-notes/<uuid:note_id>/release")
@acts_once
def create_credit_release(note_id: UUID) -> Response | tuple[str, int]:
    return releases.create("national", shared.loaded(note_id))


@national.get("/credit-notes/<uuid:note_id>/withdrawal")
def new_credit_withdrawal(note_id: UUID) -> str:
    return credit_withdrawals.new("national", shared.loaded(note_id))


@national.post("/credit-notes/<uuid:note_id>/withdrawal")
@acts_once
def create_credit_withdrawal(note_id: UUID) -> Response | tuple[str, int]:
    return credit_withdrawals.create("national", shared.loaded(note_id))


@national.post("/credit-applications/<uuid:application_id>/undoing")
def undo_credit_application(application_id: UUID) -> Response:
    return credit_applications.undo("national", application_id)


@national.get("/members/<uuid:member_id>/goodwill")
def new_goodwill(member_id: UUID) -> str:
    return goodwill.new("national", _member(member_id))


@national.post("/members/<uuid:member_id>/goodwill")
@acts_once
def create_goodwill(member_id: UUID) -> Response | tuple[str, int]:
    return goodwill.create("national", _member(member_id))


@national.get("/allocations/<uuid:allocation_id>/undoing")
def new_reallocation(allocation_id: UUID) -> Response:
    return reallocations.new("national", reallocations.loaded(allocation_id))


@national.post("/allocations/<uuid:allocation_id>/undoing")
@acts_once
def create_reallocation(allocation_id: UUID) -> Response:
    return reallocations.create("national", reallocations.loaded(allocation_id))


def _member(member_id: UUID) -> Member:
    return Member.here().get(member_id)
