"""Statements to many members, of all chapters or some."""

from werkzeug.wrappers import Response

from webapp.domain.organizations import Chapter
from webapp.web import statement_mailings as shared
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/statement-mailings/new")
def new_statement_mailing() -> Response:
    return shared.new("national", Chapter.here().all(order_by=Chapter.name))


@national.post("/statement-mailings/")
@acts_once
def create_statement_mailing() -> Response:
    return shared.create("national", Chapter.here().all(order_by=Chapter.name))
