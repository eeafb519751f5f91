"""One account of the whole organization: the postings that a figure of the statements is the sum of."""

from functools import partial

from flask import request
from werkzeug.wrappers import Response

from webapp.domain.ledger import Account, Code, Extract
from webapp.web import books
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import stream_csv, wants_csv
from webapp.web.national import national


@national.get("/account/", endpoint="account")
def show() -> Response:
    """`closings=without` leaves out what closing a year moved, as the income statement does."""
    accounts = Account.in_(current_organization).all(order_by=Account.code)
    by_code = {account.code: account for account in accounts}
    account = by_code.get(request.args.get("account", ""), by_code[Code.RECEIVABLE])
    without_closings = request.args.get("closings") == "without"
    net_assets = by_code.get(Code.NET_ASSETS) if without_closings else None
    extract = Extract.of_account(
        account,
        apart_from=net_assets.id if net_assets else None,
        since=books.day("since"),
        until=books.day("until"),
    )
    currency = current_organization.currency
    if wants_csv():
        lines = books.lines_as_csv(extract, currency)
        return stream_csv(f"account-{account.code}.csv", books.LINES_HEADER, lines)
    opening, closing = extract.opening(), extract.closing()
    return respond(
        "national/account/show.html",
        "national/account/_lines.html",
        names=[(one.code, f"{one.code} {one.name}") for one in accounts],
        account=account,
        opening=opening,
        closing=closing,
        without_closings=without_closings,
        up_and_down=books.words_for(account.code, account.kind),
        document=partial(books.document_address, "national"),
        **books.page_of_lines(extract),
    )
