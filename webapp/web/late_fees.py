"""What being late costs: whom tomorrow charges if nothing is paid until then, and what was charged."""

from typing import Any
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.core import money
from webapp.core.db import db
from webapp.domain.billing import late_fee_search
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.late_fee_rules import Rule
from webapp.domain.billing.late_fee_search import Wanted
from webapp.domain.billing.late_fees import LateFee
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

CHARGED = "charged"
_HEADER = (
    "charged_on", "invoice", "due_on", "member_number", "member", "chapter", "owed_minor", "owed",
    "late_fee_minor", "late_fee", "currency", "rule_of", "kind", "percent", "after_days",
)  # fmt: skip


def index(persona: str, *, chapter_id: UUID | None = None) -> Response:
    """Tomorrow's, unless those that were charged are asked for; a page, the part that changed, or a file."""
    organization, tomorrow = current_organization, current_organization.tomorrow
    is_past, wanted = request.args.get("show") == CHARGED, Wanted(chapter_id=chapter_id)
    past = late_fee_search.charged(organization, wanted)
    found = past if is_past else late_fee_search.foreseen(organization, tomorrow, wanted)
    if wants_csv():
        return stream_rows("late-fees.csv", _HEADER, found, _as_row)
    count, total = late_fee_search.sums(found)
    if (after := request.args.get("after", type=UUID)) is not None:
        found = found.where(LateFee.id < after if is_past else Invoice.id > after)
    rows, last = page_of(db.session.execute(found.limit(PAGE + 1)).all())
    return respond(
        "shared/late_fees/index.html",
        "shared/late_fees/_list.html",
        persona=persona,
        rows=rows,
        after=last.id if last else None,
        is_past=is_past,
        tomorrow=tomorrow,
        count=count,
        total=total,
        rule=Rule.of(organization),
    )


def _as_row(row: Any) -> tuple[Any, ...]:
    currency = current_organization.currency
    return (
        row.charged_on.isoformat(), row.number, row.due_on.isoformat(), row.member_number, row.member,
        row.chapter, row.owed, money.plain(row.owed, currency), row.amount,
        money.plain(row.amount, currency), currency, row.source, row.kind, row.percent, row.after_days,
    )  # fmt: skip
