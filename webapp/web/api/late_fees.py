"""What being late cost, and whom tomorrow charges."""

from typing import Any

from flask import g
from sqlalchemy import Select

from webapp.core.db import db
from webapp.domain.billing import late_fee_search
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.late_fee_search import Wanted
from webapp.domain.billing.late_fees import LateFee, LateFeeSource
from webapp.domain.billing.settings import LateFeeKind
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import STAFF
from webapp.web.api.fields import Shape
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import listing, paged, pages_of, size_of

TOPIC = "Late fees"

FEE = Shape(
    "LateFee",
    {
        "id": f.identifier("The fee; of those to come, its invoice"),
        "charged_on": f.day("When it was charged, or will be"),
        "invoice_id": f.identifier("The invoice"),
        "number": f.text("The invoice's number", "2026-000123"),
        "due_on": f.day("When the invoice was due"),
        "member_id": f.identifier("Who owes it"),
        "owed": f.amount("What was left to pay", least=1),
        "amount": f.amount("The fee", 2_500, least=1),
        "source": f.choice("Whose rule", LateFeeSource),
        "kind": f.choice("How it is worked out", LateFeeKind),
        "percent": f.decimal("Per cent of what was owed; null for a flat fee", "5.0", places=3).or_null(),
        "maximum": f.amount("The most it may be", 5_000).or_null(),
        "after_days": f.whole("Days after the due date until it is charged", 15, most=730),
        "currency": f.currency(),
    },
)
FILTERS = listing("LateFeeFilters", member=f.identifier("Only this member's"))
PREVIEW_FILTERS = listing("LateFeePreviewFilters")
_FEES = "/organizations/<uuid:organization_id>/late-fees/"


@operations.get(
    _FEES, summary="List late fees", topic=TOPIC, gives=pages_of(FEE), query=FILTERS, allowed=STAFF
)
def list_late_fees(query: Values) -> Answer:
    """Those that were charged, once for each invoice. A treasurer's token finds its own chapter's."""
    wanted = Wanted(chapter_id=bearer.own_chapter(), member_id=query.get("member"))
    found = late_fee_search.charged(g.organization, wanted)
    return _page(found.where(LateFee.id < query["cursor"]) if "cursor" in query else found, query)


@operations.get(
    _FEES + "preview/",
    summary="Preview tomorrow's late fees",
    topic=TOPIC,
    gives=pages_of(FEE),
    query=PREVIEW_FILTERS,
    allowed=STAFF,
)
def preview_late_fees(query: Values) -> Answer:
    """Whom tomorrow charges if nothing is paid until then; in the order of the invoices."""
    wanted = Wanted(chapter_id=bearer.own_chapter())
    found = late_fee_search.foreseen(g.organization, g.organization.tomorrow, wanted)
    return _page(found.where(Invoice.id > query["cursor"]) if "cursor" in query else found, query)


def _page(found: Select[Any], query: Values) -> Answer:
    rows = db.session.execute(found.limit(size_of(query) + 1)).all()
    return paged(rows, query, lambda row: FEE.tell(row, currency=g.organization.currency))
