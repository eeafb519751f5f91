"""What there is and whose it is at the end of a day, and at the end of the fiscal year before."""

from collections.abc import Iterator
from typing import Any

from werkzeug.wrappers import Response

from webapp.domain.reporting import financial_statements
from webapp.domain.reporting.financial_statements import BalanceSheet
from webapp.web import books
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import stream_csv, wants_csv
from webapp.web.national import national
from webapp.web.national.income_statement import HEADER, as_row


@national.get("/balance-sheet/", endpoint="balance_sheet")
def index() -> Response:
    day = books.day("as_of") or current_organization.today
    found = financial_statements.balance_sheet(day, current_organization.fiscal_year_month)
    if wants_csv():
        return stream_csv(f"balance-sheet-{day}.csv", HEADER, rows(found))
    return respond("national/balance_sheet/index.html", "national/balance_sheet/_table.html", sheet=found)


def rows(found: BalanceSheet) -> Iterator[tuple[Any, ...]]:
    sections = (("asset", found.assets), ("liability", found.liabilities), ("equity", found.net_assets))
    for name, section in sections:
        yield from (as_row(name, line) for line in section.lines)
    yield from (as_row("equity", line) for line in (found.earlier, found.this_year))
