"""Money that goes back: asked for, found, read."""

from typing import Any
from uuid import UUID

from flask import g

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.approvals import OPEN, ApprovalRequest
from webapp.domain.billing.invoice import Invoice
from webapp.domain.refunds import refundable, requesting
from webapp.domain.refunds.refund import How, Refund, RefundState
from webapp.domain.refunds.requesting import Terms
from webapp.web import invoices
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import EVERYBODY, OFFICERS, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Accepted, Answer
from webapp.web.api.organizations import refuse_other_currency
from webapp.web.api.paging import filtered, listing, page, pages_of

TOPIC = "Refunds"

_REFUND = {
    "id": f.identifier("The refund"),
    "payment_id": f.identifier("The payment it gives back").or_null(),
    "invoice_id": f.identifier("The invoice it was asked for; null when made at the processor").or_null(),
    "member_id": f.identifier("Who gets the money"),
    "chapter_id": f.identifier("Of which chapter"),
    "amount": f.amount("What goes back", 6_000, least=1),
    "currency": f.currency(),
    "how": f.choice("The way it goes back", How),
    "check_number": f.text("Of a refund by check", "2041").or_null(),
    "reinstates_debt": f.flag("Whether the member owes it again", example=False),
    "state": f.choice("Only succeeded is in the books", RefundState),
    "reason": f.text("Why", "Left the chapter", most=1000).or_null(),
    "note": f.text("Why it was denied or withdrawn, or did not arrive", "Not agreed", most=2000).or_null(),
    "refunded_on": f.day("When it was booked, or asked for"),
    "created_at": f.instant("When it was asked for, or seen at the processor"),
    "failed_at": f.instant("When the money did not arrive").or_null(),
    "failure_handled_at": f.instant("When somebody said that this is settled with the member").or_null(),
}
REFUND = Shape(
    "Refund",
    _REFUND | {"approval_request_id": f.identifier("Waits for approval under this id").or_null()},
)
SUMMARY = Shape("RefundSummary", _REFUND)
ORDER = shape_in(
    "RefundOrdered",
    amount=f.amount("What goes back", 6_000, least=1).needed(),
    reason=f.text("Why", "Left the chapter", least=1, most=500).needed(),
    override_reason=f.override_reason(),
    currency=f.currency("Of the amount; the organization's unless told"),
    payment_id=f.identifier(
        "Which payment of the invoice; needed only when several could give back the amount"
    ).without_example(),
    how=f.choice("The way it goes back: original, through the processor, unless told", How),
    check_number=f.text("With how check: the number of the check", "2041", most=40).without_example(),
    reinstates_debt=f.flag("Whether the member owes it again; no unless told", example=False),
)
FILTERS = listing(
    "RefundFilters",
    member=f.identifier("Only this member's"),
    invoice=f.identifier("Only of this invoice"),
    state=f.choice("Only in this state", RefundState),
)
_COLUMNS = {"member": "member_id", "invoice": "invoice_id", "state": "state"}
_REFUNDS = "/organizations/<uuid:organization_id>/refunds/"


@operations.post(
    "/invoices/<uuid:invoice_id>/refund/",
    summary="Refund an invoice",
    topic=TOPIC,
    gives=REFUND,
    takes=ORDER,
    status=200,
    may_wait=True,
    allowed=OFFICERS,
)
def refund_invoice(invoice_id: UUID, body: Values) -> Answer:
    """Gives back what was paid, at most what has not gone back and is not on its way. 200: it is done, or
    under way at the processor. 202: it is above what the token's owner may refund alone, counting everything
    they refunded of this invoice; it waits for approval and no money has moved."""
    refuse_other_currency(body)
    invoice = invoices.loaded(invoice_id)
    bearer.in_reach(chapter_id=invoice.chapter_id)
    terms = Terms(
        amount=body["amount"],
        how=How(body.get("how", How.ORIGINAL)),
        reason=body["reason"],
        reinstates_debt=body.get("reinstates_debt", False),
        check_number=body.get("check_number"),
    )
    payment_id = _payment(invoice, body)
    with transaction():
        asked = requesting.request_refund(invoice_id, payment_id, terms, by=acting, on=g.organization.today)
    return refund_told(asked.refund) if asked.approval is None else Accepted(refund_told(asked.refund))


@operations.get(
    _REFUNDS, summary="List refunds", topic=TOPIC, gives=pages_of(SUMMARY), query=FILTERS, allowed=EVERYBODY
)
def list_refunds(query: Values) -> Answer:
    """In any state. A treasurer's token finds its own chapter's, a member's only its own."""
    found = filtered(Refund.here().select(), query, _COLUMNS)
    found = bearer.reached(found, Refund.chapter_id, Refund.member_id)
    return page(found, Refund, query, lambda one: SUMMARY.tell(one, currency=g.organization.currency))


@operations.get(
    _REFUNDS + "<uuid:refund_id>/", summary="Read a refund", topic=TOPIC, gives=REFUND, allowed=EVERYBODY
)
def read_refund(refund_id: UUID) -> Answer:
    """Where it stands, and the request that it waits for."""
    refund = Refund.here().get(refund_id)
    bearer.in_reach(chapter_id=refund.chapter_id, member_id=refund.member_id)
    return refund_told(refund)


@operations.post(
    _REFUNDS + "<uuid:refund_id>/failure-handled",
    summary="Mark a failed refund as handled",
    topic=TOPIC,
    gives=REFUND,
    status=200,
    allowed=OFFICERS,
)
def settle_failed_refund(refund_id: UUID) -> Answer:
    """Somebody gave the money back another way, or agreed with the member to keep it. It moves no money."""
    with transaction():
        refund = Refund.here().get(refund_id, lock=True)
        bearer.in_reach(chapter_id=refund.chapter_id)
        refund.settle_failure(by=acting)
    return refund_told(refund)


def _payment(invoice: Invoice, body: Values) -> UUID:
    """The one that was named, or the only one that can give back so much."""
    sources = refundable.of_invoice(invoice)
    if "payment_id" in body:
        named: UUID = body["payment_id"]
        if named not in [one.payment.id for one in sources]:
            raise Invalid(fields={"payment_id": "No payment with this id settles the invoice."})
        return named
    able = [one.payment.id for one in sources if one.left >= body["amount"]]
    if not able:
        raise Invalid(fields={"amount": "No payment of this invoice can give back so much."})
    if len(able) > 1:
        raise Invalid(fields={"payment_id": "Several payments could: name the one to give back."})
    return able[0]


def refund_told(refund: Refund) -> dict[str, Any]:
    waiting = ApprovalRequest.here().first(
        ApprovalRequest.subject_id == refund.id, ApprovalRequest.state.in_(OPEN)
    )
    return REFUND.tell(
        refund,
        currency=g.organization.currency,
        approval_request_id=str(waiting.id) if waiting else None,
    )
