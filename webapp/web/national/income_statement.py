"""What was earned and spent in a fiscal year up to a day, and as far into the year before."""

from collections.abc import Iterator
from typing import Any

from werkzeug.wrappers import Response

from webapp.core import money
from webapp.domain.reporting import financial_statements
from webapp.domain.reporting.financial_statements import IncomeStatement, StatementLine
from webapp.web import books
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import stream_csv, wants_csv
from webapp.web.national import national

HEADER = ("section", "account", "name", "amount_minor", "amount", "before_minor", "before", "currency")


@national.get("/income-statement/", endpoint="income_statement")
def index() -> Response:
    day = books.day("as_of") or current_organization.today
    found = financial_statements.income_statement(day, current_organization.fiscal_year_month)
    if wants_csv():
        return stream_csv(f"income-statement-{day}.csv", HEADER, rows(found))
    return respond(
        "national/income_statement/index.html", "national/income_statement/_table.html", statement=found
    )


def rows(found: IncomeStatement) -> Iterator[tuple[Any, ...]]:
    for name, section in (("income", found.income), ("expense", found.expenses)):
        yield from (as_row(name, line) for line in section.lines)
    yield as_row("result", StatementLine("", "Result", found.result, found.result_before))


def as_row(section: str, line: StatementLine) -> tuple[Any, ...]:
    currency = current_organization.currency
    return (
        section, line.code, line.name, line.now, money.plain(line.now, currency), line.before,
        money.plain(line.before, currency), currency,
    )  # fmt: skip
