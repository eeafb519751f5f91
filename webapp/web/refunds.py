"""The list of refunds, as treasurers and the national office both see it."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.core import money
from webapp.domain.refunds import search
from webapp.domain.refunds.refund import How, Refund, RefundState
from webapp.domain.refunds.search import WantedRefunds
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

_HEADER = (
    "date", "member_number", "member", "chapter", "invoice", "how", "check_number", "state", "amount_minor",
    "amount", "currency", "owed_again", "requested_by", "reason", "note", "processor_reference",
)  # fmt: skip


def index(persona: str, *, chapter_id: UUID | None = None) -> Response:
    """The list for this address's filters: a page, the part that changed, or a file."""
    wanted = _wanted(chapter_id)
    if wants_csv():
        return stream_rows("refunds.csv", _HEADER, search.refunds(wanted), _as_row)
    after = request.args.get("after", type=UUID)
    rows, last = page_of(search.refunds_page(wanted, after=after, size=PAGE + 1))
    return respond(
        "shared/refunds/index.html",
        "shared/refunds/_list.html",
        persona=persona,
        rows=rows,
        after=last.id if last else None,
        wanted=wanted,
        states=[(state.value, state.label) for state in RefundState],
        ways=[(how.value, how.label) for how in How],
    )


def _wanted(chapter_id: UUID | None) -> WantedRefunds:
    return WantedRefunds(
        text=request.args.get("q", "").strip(),
        state=request.args.get("state", type=RefundState),
        how=request.args.get("how", type=How),
        since=request.args.get("since", type=date.fromisoformat),
        until=request.args.get("until", type=date.fromisoformat),
        chapter_id=chapter_id,
    )


def _as_row(refund: Refund) -> tuple[Any, ...]:
    currency = current_organization.currency
    return (
        refund.refunded_on.isoformat(),
        refund.member.number,
        refund.member.name,
        refund.chapter.code,
        refund.invoice.number if refund.invoice else "",
        refund.how.value,
        refund.check_number,
        refund.state.value,
        refund.amount,
        money.plain(refund.amount, currency),
        currency,
        "yes" if refund.reinstates_debt else "no",
        refund.requested_by.name if refund.requested_by else "",
        refund.reason,
        refund.note,
        refund.processor_reference,
    )
