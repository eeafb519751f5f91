"""How much of what was owed came in, over any days; every figure leads to the documents that sum to it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.core import money
from webapp.domain.reporting.aging import NAMES
from webapp.domain.reporting.collections import movements, report
from webapp.domain.reporting.collections.figures import Span
from webapp.domain.reporting.collections.movements import Key, Movement
from webapp.domain.reporting.collections.report import By, Group
from webapp.domain.reporting.receivables import Change, Whose
from webapp.web import report_filters
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_csv, stream_rows, wants_csv

YEAR = "year"
BIES = (*By, YEAR)
AMOUNTS = ("opening", "billed", *(one.value for one in Movement), "closing", "net_change", *NAMES)
HEADER = (
    "by", "name", "since", "until", *AMOUNTS, "collection_rate", "effectiveness", "dso_days", "currency",
)  # fmt: skip
_DOCUMENTS_HEADER = (
    "dated", "what", "invoice", "member_number", "member", "chapter", "amount_minor", "amount", "currency",
)  # fmt: skip
_MOST = 4 * PAGE


def collections(persona: str, usual: By, *, chapter_id: UUID | None = None) -> Response:
    """The whole and what it is made of; a page, the part that changed, or a file."""
    narrowed = report_filters.narrowed(chapter_id)
    span, problem = report_filters.span(narrowed.whose)
    by = asked if (asked := request.args.get("by", "")) in BIES else usual
    groups = groups_of(span, by, narrowed.whose)
    if wants_csv():
        name = f"collections-{span.since}-{span.until}-by-{by}.csv"
        return stream_csv(name, HEADER, [as_row(by, group) for group in groups])
    return respond(
        "shared/collections/index.html",
        "shared/collections/_report.html",
        persona=persona,
        narrowed=narrowed,
        problem=problem,
        by=by,
        whole=report.of(span, narrowed.whose),
        movements=list(Movement),
        groups=groups[:_MOST],
        left_out=len(groups[_MOST:]),
        years=report_filters.years(),
        until=report_filters.last_day(),
    )


def groups_of(span: Span, by: str, whose: Whose) -> Sequence[Group]:
    if by == YEAR:
        return report.fiscal_years(span.until, current_organization.fiscal_year_month, whose)
    return report.groups(span, By(by), whose)


def documents(persona: str, *, chapter_id: UUID | None = None) -> Response:
    """What one figure of the report is the sum of."""
    narrowed = report_filters.narrowed(chapter_id)
    title, moved = movements.behind(request.args.get("figure", ""))
    wanted = movements.Wanted(report_filters.span(narrowed.whose)[0], moved, **vars(narrowed.whose))
    if wants_csv():
        return stream_rows("documents.csv", _DOCUMENTS_HEADER, movements.documents(wanted), _as_document)
    rows, last = page_of(movements.page(wanted, PAGE + 1, after=Key.read(request.args.get("after"))))
    count, amount = movements.count_and_sum(wanted)
    return respond(
        "shared/collections/documents.html",
        "shared/collections/_documents.html",
        persona=persona,
        narrowed=narrowed,
        title=title,
        span=wanted.span,
        rows=rows,
        after=Key(last.dated, last.source_id, last.kind) if last else None,
        count=count,
        amount=amount,
        labels={kind.value: kind.label for kind in Change},
    )


def as_row(by: str, group: Group) -> tuple[Any, ...]:
    its, currency = group.figures, current_organization.currency
    amounts = [money.to_decimal(getattr(its, name), currency) for name in AMOUNTS[: -len(NAMES)]]
    ages = [money.to_decimal(amount, currency) for amount in its.ages]
    measures = [rounded(its.rate, 4), rounded(its.effectiveness, 4), rounded(its.dso, 1)]
    days = its.span.since.isoformat(), its.span.until.isoformat()
    return by, group.name, *days, *amounts, *ages, *measures, currency


def rounded(measure: float | None, places: int) -> float | None:
    return None if measure is None else round(measure, places)


def _as_document(row: Any) -> tuple[Any, ...]:
    currency = current_organization.currency
    return (
        row.dated.isoformat(), Change(row.kind).label, row.number, row.member_number, row.member, row.chapter,
        row.amount, money.to_decimal(row.amount, currency), currency,
    )  # fmt: skip
