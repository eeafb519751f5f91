"""The member's own account: what was charged, what was paid, and what is owed after each."""

from functools import partial

from werkzeug.wrappers import Response

from webapp.domain.ledger import Extract
from webapp.web import books
from webapp.web.gates import current_member, current_organization
from webapp.web.htmx import respond
from webapp.web.lists import stream_csv, wants_csv
from webapp.web.members import members


@members.get("/account/")
def ledger() -> Response:
    extract = Extract.of_member(current_member.id, since=books.day("since"), until=books.day("until"))
    if wants_csv():
        rows = books.lines_as_csv(extract, current_organization.currency)
        return stream_csv("account.csv", books.LINES_HEADER, rows)
    return respond(
        "members/ledger/index.html",
        "members/ledger/_list.html",
        owed=extract.closing(),
        document=partial(books.document_address, "members"),
        **books.page_of_lines(extract),
    )
