"""Adjustments: what changes the amount owed on an invoice, asked for, found, read."""

from typing import Any
from uuid import UUID

from flask import g

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import adjusting, adjustment_search
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustment_search import WantedAdjustments
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, AdjustmentState, Direction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.payment import Payment
from webapp.web import adjustments
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import EVERYBODY, OFFICERS, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Accepted, Answer
from webapp.web.api.organizations import refuse_other_currency
from webapp.web.api.paging import listing, paged, pages_of, size_of

TOPIC = "Adjustments"

_ADJUSTMENT = {
    "id": f.identifier("The adjustment"),
    "invoice_id": f.identifier("The invoice it changes"),
    "invoice_number": f.text("Its number", "2026-000123"),
    "payment_id": f.identifier("The payment it is about").or_null(),
    "member_id": f.identifier("Who owes the invoice"),
    "chapter_id": f.identifier("Of which chapter"),
    "type": f.choice("What it is for", AdjustmentKind),
    "direction": f.choice("Whether it lowers or raises what is owed", Direction),
    "amount": f.amount("By how much", 2_500, least=1),
    "currency": f.currency(),
    "reason": f.text("Why", "Decided by the board", most=1000),
    "state": f.choice("Only an approved one changes anything", AdjustmentState),
    "by_member": f.flag("Whether the member asked for it", example=False),
    "created_at": f.instant("When it was asked for"),
    "decided_at": f.instant("When it was approved or denied").or_null(),
    "decision_reason": f.text("Why it was denied", "Not this year", most=2000).or_null(),
}
SUMMARY = Shape("AdjustmentSummary", _ADJUSTMENT)
ADJUSTMENT = Shape(
    "Adjustment",
    _ADJUSTMENT
    | {
        "approval_request_id": f.identifier("The request that a second person decides").or_null(),
        "owed": f.amount("What is owed on the invoice now", 7_500),
    },
)
ORDER = shape_in(
    "AdjustmentOrdered",
    type=f.choice("What it is for; a fee raises what is owed, all others lower it", AdjustmentKind).needed(),
    amount=f.amount("By how much", 2_500, least=1).needed(),
    reason=f.text("Why; the member can read it", "Decided by the board", least=1, most=500).needed(),
    override_reason=f.override_reason(),
    currency=f.currency("Of the amount; the organization's unless told"),
    direction=f.choice("Only a correction can go either way", Direction).without_example(),
    payment_id=f.identifier("A payment of the same member that it is about").without_example(),
)
FILTERS = listing(
    "AdjustmentFilters",
    state=f.choice("Only in this state", AdjustmentState),
    type=f.choice("Only of this kind", AdjustmentKind),
    member=f.identifier("Only this member's"),
    invoice=f.identifier("Only of this invoice"),
)
_ADJUSTMENTS = "/organizations/<uuid:organization_id>/adjustments/"


@operations.post(
    "/invoices/<uuid:invoice_id>/adjust/",
    summary="Adjust an invoice",
    topic=TOPIC,
    gives=ADJUSTMENT,
    takes=ORDER,
    status=200,
    may_wait=True,
    allowed=OFFICERS,
)
def adjust_invoice(invoice_id: UUID, body: Values) -> Answer:
    """Changes what is owed on the invoice: with a line when it raises it, else by taking off at most what is
    owed. 200: it is done. 202: together with what the token's owner adjusted on this invoice before, it is
    more than they may decide alone; it waits for approval and nothing has changed."""
    refuse_other_currency(body)
    change = Change(
        AdjustmentKind(body["type"]),
        body["amount"],
        body["reason"],
        Direction(body["direction"]) if "direction" in body else None,
        body.get("payment_id"),
    )
    with transaction():
        invoice = Invoice.here().get(invoice_id, lock=True)
        bearer.in_reach(chapter_id=invoice.chapter_id)
        _refuse_foreign(change.payment_id, invoice)
        done = adjusting.adjust(invoice, change, by=acting, on=g.organization.today)
    told = _whole(done.id)
    return Accepted(told) if done.is_requested else told


@operations.get(
    _ADJUSTMENTS,
    summary="List adjustments",
    topic=TOPIC,
    gives=pages_of(SUMMARY),
    query=FILTERS,
    allowed=EVERYBODY,
)
def list_adjustments(query: Values) -> Answer:
    """In any state. A treasurer's token finds its own chapter's, a member's only its own."""
    own = bearer.own_member()
    if own is not None and query.get("member", own) != own:
        return paged([], query, _summary)
    wanted = WantedAdjustments(
        state=AdjustmentState(query["state"]) if "state" in query else None,
        kind=AdjustmentKind(query["type"]) if "type" in query else None,
        chapter_id=bearer.own_chapter(),
        member_id=own or query.get("member"),
        invoice_id=query.get("invoice"),
    )
    found = adjustment_search.find(g.organization, wanted, after=query.get("cursor"), limit=size_of(query))
    return paged(db.session.scalars(found).all(), query, _summary)


@operations.get(
    _ADJUSTMENTS + "<uuid:adjustment_id>/",
    summary="Read an adjustment",
    topic=TOPIC,
    gives=ADJUSTMENT,
    allowed=EVERYBODY,
)
def read_adjustment(adjustment_id: UUID) -> Answer:
    """Where it stands, and the request that it waits for."""
    return _whole(adjustment_id)


def _refuse_foreign(payment_id: UUID | None, invoice: Invoice) -> None:
    if payment_id is None:
        return
    payment = Payment.here().first(Payment.id == payment_id, Payment.member_id == invoice.member_id)
    if payment is None:
        told = "Name a payment of the member who owes this invoice."
        raise Invalid(told, fields={"payment_id": told})


def _whole(adjustment_id: UUID) -> dict[str, Any]:
    found = adjustments.loaded(adjustment_id)
    invoice = found.invoice
    bearer.in_reach(chapter_id=invoice.chapter_id, member_id=invoice.member_id)
    waiting = adjustments.request_of(found)
    return ADJUSTMENT.tell(
        found, **_facts(found), approval_request_id=str(waiting.id) if waiting else None, owed=invoice.owed
    )


def _summary(found: Adjustment) -> dict[str, Any]:
    return SUMMARY.tell(found, **_facts(found))


def _facts(found: Adjustment) -> dict[str, Any]:
    invoice = found.invoice
    return {
        "type": found.kind.value,
        "invoice_number": invoice.number,
        "member_id": str(invoice.member_id),
        "chapter_id": str(invoice.chapter_id),
        "currency": invoice.currency,
    }
