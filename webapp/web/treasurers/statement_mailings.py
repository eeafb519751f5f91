"""Statements to many members of the chapter."""

from werkzeug.wrappers import Response

from webapp.web import statement_mailings as shared
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/statement-mailings/new")
def new_statement_mailing() -> Response:
    return shared.new("treasurers")


@treasurers.post("/statement-mailings/")
@acts_once
def create_statement_mailing() -> Response:
    return shared.create("treasurers", chapter_id=current_chapter.id)
