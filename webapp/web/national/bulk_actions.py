"""Something for many invoices of the organization at once."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.web import bulk_actions as shared
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/bulk-actions/")
def bulk_actions() -> Response:
    return shared.index("national")


@national.post("/bulk-actions/")
@acts_once
def choose_for_bulk_action() -> Response:
    return shared.choose("national")


@national.get("/bulk-actions/<uuid:action_id>/")
def bulk_action(action_id: UUID) -> Response:
    return shared.show("national", shared.find(action_id))


@national.get("/bulk-actions/<uuid:action_id>/invoices.csv")
def bulk_action_invoices(action_id: UUID) -> Response:
    return shared.chosen_invoices(shared.find(action_id))


@national.post("/bulk-actions/<uuid:action_id>/confirmation")
@acts_once
def confirm_bulk_action(action_id: UUID) -> Response:
    return shared.confirm("national", shared.find(action_id))


@national.post("/bulk-actions/<uuid:action_id>/cancellation")
@acts_once
def cancel_bulk_action(action_id: UUID) -> Response:
    return shared.cancel("national", shared.find(action_id))


@national.post("/bulk-actions/<uuid:action_id>/retry")
@acts_once
def retry_bulk_action(action_id: UUID) -> Response:
    return shared.retry("national", shared.find(action_id))
