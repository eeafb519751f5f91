"""A mailing's statements on paper."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import bulk_letters as shared
from webapp.web.bulk_actions import find
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/bulk-actions/<uuid:action_id>/letters")
def bulk_action_letters(action_id: UUID) -> Response:
    return shared.show("national", find(action_id))


@national.post("/bulk-actions/<uuid:action_id>/letters")
@acts_once
def create_bulk_action_letters(action_id: UUID) -> Response:
    return shared.create("national", find(action_id))


@national.get("/bulk-actions/<uuid:action_id>/letters.pdf")
def bulk_action_letters_file(action_id: UUID) -> Response:
    return shared.file_of(find(action_id))
