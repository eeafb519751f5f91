"""A mailing's statements on paper: one file to print, made in the background."""

from flask_login import current_user
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import NotFound
from webapp.domain.bulk_actions import statements_on_paper
from webapp.domain.bulk_actions.bulk_action import BulkAction
from webapp.domain.notifications import paper
from webapp.web.forms import Form
from webapp.web.htmx import respond, see_other
from webapp.web.invoices import as_file


def show(persona: str, action: BulkAction) -> Response:
    return respond(
        "shared/bulk_letters/index.html",
        "shared/bulk_letters/_letters.html",
        persona=persona,
        action=action,
        on_paper=statements_on_paper.count(action),
        printing=paper.printing(action),
        form=Form(formdata=None),
    )


def create(persona: str, action: BulkAction) -> Response:
    with transaction():
        statements_on_paper.ask(BulkAction.here().get(action.id, lock=True), by=current_user)
    return see_other(f"{persona}.bulk_action_letters", action_id=action.id)


def file_of(action: BulkAction) -> Response:
    if not paper.printing(action).is_done:
        raise NotFound("These letters are not drawn yet.")
    return as_file(wiring.bind(paper.drawings(action)), f"statements-{action.agreed.until or ''}.pdf")
