"""Income statement and balance sheet, a fiscal year against the one before it."""

from typing import Any

from flask import g

from webapp.core import money
from webapp.domain.reporting import financial_statements
from webapp.domain.reporting.financial_statements import Section, StatementLine
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import NATIONAL
from webapp.web.api.books import REPORT_QUERY, TOPIC
from webapp.web.api.fields import Shape
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.lists import stream_csv

LINE = Shape(
    "StatementLine",
    {
        "code": f.text("The account's code; empty for a result that is not closed", "4000", most=10),
        "name": f.text("The account's name", "Dues income"),
        "now": f.balance("In this year, positive on the account's usual side", 1_250_000),
        "before": f.balance("In the year before", 1_250_000),
    },
)
_SPAN = {
    "as_of": f.day("The last day"),
    "before_as_of": f.day("The day it is compared with"),
    "year_starts_on": f.day("The fiscal year's first day", "2026-01-01"),
    "year_ends_on": f.day("The fiscal year's last day", "2026-12-31"),
    "currency": f.currency(),
}
INCOME_STATEMENT = Shape(
    "IncomeStatement",
    _SPAN
    | {
        "income": f.list_of(LINE, "Income by account"),
        "expenses": f.list_of(LINE, "Expenses by account"),
        "result": f.balance("Income less expenses", 1_250_000),
        "result_before": f.balance("Of the year before, as far into it", 1_250_000),
    },
)
BALANCE_SHEET = Shape(
    "BalanceSheet",
    _SPAN
    | {
        "assets": f.list_of(LINE, "What there is, by account"),
        "liabilities": f.list_of(LINE, "What is owed, by account"),
        "equity": f.list_of(LINE, "Net assets, and results that no closing has moved there yet"),
        "total_assets": f.balance("All assets", 1_250_000),
        "total_liabilities": f.balance("All liabilities", 1_250_000),
        "total_equity": f.balance("All equity; assets are liabilities and equity together", 1_250_000),
    },
)
_HEADER = ("section", "code", "name", "now", "before", "currency")
_REPORTS = "/organizations/<uuid:organization_id>/reports/"


@operations.get(
    _REPORTS + "income-statement/",
    summary="Read the income statement",
    topic=TOPIC,
    gives=INCOME_STATEMENT,
    query=REPORT_QUERY,
    files=("text/csv",),
    allowed=NATIONAL,
)
def read_income_statement(query: Values) -> Answer:
    """The fiscal year that the day lies in up to that day, and as far into the year before. What closing a
    year moves is left out."""
    found = financial_statements.income_statement(_day(query), g.organization.fiscal_year_month)
    if query.get("format") == "csv":
        return _as_csv("income-statement.csv", income=found.income, expenses=found.expenses)
    return INCOME_STATEMENT.tell(
        found, **_span(found), income=_lines(found.income), expenses=_lines(found.expenses)
    )


@operations.get(
    _REPORTS + "balance-sheet/",
    summary="Read the balance sheet",
    topic=TOPIC,
    gives=BALANCE_SHEET,
    query=REPORT_QUERY,
    files=("text/csv",),
    allowed=NATIONAL,
)
def read_balance_sheet(query: Values) -> Answer:
    """At the end of a day, and at the end of the fiscal year before."""
    found = financial_statements.balance_sheet(_day(query), g.organization.fiscal_year_month)
    equity = Section([*found.net_assets.lines, found.earlier, found.this_year])
    if query.get("format") == "csv":
        return _as_csv("balance-sheet.csv", assets=found.assets, liabilities=found.liabilities, equity=equity)
    return BALANCE_SHEET.tell(
        found,
        **_span(found),
        assets=_lines(found.assets),
        liabilities=_lines(found.liabilities),
        equity=_lines(equity),
        total_assets=found.assets.now,
        total_liabilities=found.liabilities.now,
        total_equity=found.equity,
    )


def _day(query: Values) -> Any:
    return query.get("as_of", g.organization.today)


def _span(found: Any) -> dict[str, Any]:
    year = found.year
    return {
        "year_starts_on": year.starts_on,
        "year_ends_on": year.ends_on,
        "currency": g.organization.currency,
    }


def _lines(section: Section) -> list[dict[str, Any]]:
    return [LINE.tell(line) for line in section.lines]


def _as_csv(name: str, **sections: Section) -> Answer:
    rows = [_row(title, line) for title, section in sections.items() for line in section.lines]
    return stream_csv(name, _HEADER, rows)


def _row(title: str, line: StatementLine) -> tuple[Any, ...]:
    currency = g.organization.currency
    now, before = money.plain(line.now, currency), money.plain(line.before, currency)
    return title, line.code, line.name, now, before, currency
