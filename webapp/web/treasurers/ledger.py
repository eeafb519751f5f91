"""The chapter's own ledger, an account at a time."""

from functools import partial

from flask import request
from werkzeug.wrappers import Response

from webapp.domain.ledger import Account, Code, Extract
from webapp.web import books
from webapp.web.gates import current_chapter, current_organization
from webapp.web.htmx import respond
from webapp.web.lists import stream_csv, wants_csv
from webapp.web.treasurers import treasurers


@treasurers.get("/ledger/")
def ledger() -> Response:
    accounts = Account.in_(current_organization).all(order_by=Account.code)
    by_code = {account.code: account for account in accounts}
    account = by_code.get(request.args.get("account", ""), by_code[Code.RECEIVABLE])
    extract = Extract.of_chapter(
        current_chapter.id, account, since=books.day("since"), until=books.day("until")
    )
    if wants_csv():
        name = f"ledger-{current_chapter.code}-{account.code}.csv"
        return stream_csv(
            name, books.LINES_HEADER, books.lines_as_csv(extract, current_organization.currency)
        )
    return respond(
        "treasurers/ledger/index.html",
        "shared/books/_lines.html",
        accounts=accounts,
        account=account,
        chapter=current_chapter,
        up_and_down=books.words_for(account.code, account.kind),
        document=partial(books.document_address, "treasurers"),
        **books.page_of_lines(extract),
    )
