"""Something for many invoices of the chapter at once."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import bulk_actions as shared
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/bulk-actions/")
def bulk_actions() -> Response:
    return shared.index("treasurers", chapter_id=current_chapter.id)


@treasurers.post("/bulk-actions/")
@acts_once
def choose_for_bulk_action() -> Response:
    return shared.choose("treasurers", chapter_id=current_chapter.id)


@treasurers.get("/bulk-actions/<uuid:action_id>/")
def bulk_action(action_id: UUID) -> Response:
    return shared.show("treasurers", shared.find(action_id, chapter_id=current_chapter.id))


@treasurers.get("/bulk-actions/<uuid:action_id>/invoices.csv")
def bulk_action_invoices(action_id: UUID) -> Response:
    return shared.chosen_invoices(
        shared.find(action_id, chapter_id=current_chapter.id), chapter_id=current_chapter.id
    )


@treasurers.post("/bulk-actions/<uuid:action_id>/confirmation")
@acts_once
def confirm_bulk_action(action_id: UUID) -> Response:
    return shared.confirm("treasurers", shared.find(action_id, chapter_id=current_chapter.id))


@treasurers.post("/bulk-actions/<uuid:action_id>/cancellation")
@acts_once
def cancel_bulk_action(action_id: UUID) -> Response:
    return shared.cancel("treasurers", shared.find(action_id, chapter_id=current_chapter.id))


@treasurers.post("/bulk-actions/<uuid:action_id>/retry")
@acts_once
def retry_bulk_action(action_id: UUID) -> Response:
    return shared.retry("treasurers", shared.find(action_id, chapter_id=current_chapter.id))
