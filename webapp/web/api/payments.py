"""Money that came in: the list, and what an officer received by hand."""

from typing import Any
from uuid import UUID

from flask import g

from webapp.core.db import transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing import spreading
from webapp.domain.notifications import receipts
from webapp.domain.organizations import Member
from webapp.domain.payments import offline, reallocating, reversing
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import OFFLINE, Allocation, FeeState, Method, Payment, PaymentState
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import EVERYBODY, OFFICERS, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.organizations import refuse_other_currency
from webapp.web.api.paging import filtered, listing, page, pages_of
from webapp.web.api.spreading import SPREADING, SPREADS, Order, spread_of

TOPIC = "Payments"


_PAYMENT = {
    "id": f.identifier("The payment"),
    "member_id": f.identifier("Who paid"),
    "chapter_id": f.identifier("The chapter it was for"),
    "method": f.choice("How the money came", Method),
    "state": f.choice("Where it stands", PaymentState),
    "amount": f.amount("What was paid", least=1),
    "allocated": f.amount("What of it settles invoices"),
    "credited": f.amount("What of it became credit notes, less what went back of them", 0),
    "returned": f.amount("What was refunded", 0),
    "fee": f.amount("What the processor kept; null while it is not known or there is none", 1_190).or_null(),
    "fee_state": f.choice("Whether the fee is known", FeeState),
    "currency": f.currency(),
    "received_on": f.day("When it came into the books").or_null(),
    "reference": f.text("A check number or what the bank says", "1024").or_null(),
    "created_at": f.instant("When it was started or recorded"),
}
SUMMARY = Shape("PaymentSummary", _PAYMENT)
PART = Shape(
    "Allocation",
    {"invoice_id": f.identifier("The invoice"), "amount": f.amount("What of it this payment settles")},
)
STANDING = Shape(
    "AllocationStanding",
    {
        "id": f.identifier("The allocation"),
        "invoice_id": f.identifier("The invoice"),
        "amount": f.amount("What of it this payment settles", least=1),
    },
)
PAYMENT = Shape("Payment", _PAYMENT | {"allocations": f.list_of(STANDING, "What it settles now")})
FORESEEN = Shape(
    "PaymentPreview",
    {
        "allocations": f.list_of(PART, "What it would settle"),
        "rest": f.amount("What would settle nothing", 0),
        "currency": f.currency(),
        "seen": f.text("To send when recording it, so that what is confirmed is what was seen", "4f0c"),
        "alike": f.list_of(SUMMARY, "What may be the same money, recorded before"),
    },
)
REALLOCATION = shape_in(
    "AllocationUndone",
    allocation=f.one_of(
        "What its money settles instead, the oldest other invoices first or a share of each;"
        " nothing unless told",
        Order.FIFO,
        Order.PROPORTIONAL,
    ),
    override_reason=f.override_reason(),
)
REVERSAL = shape_in(
    "PaymentReversal",
    reason=f.text("What was wrong", "The check was another member's", least=1, most=500).needed(),
    override_reason=f.override_reason(),
)
FILTERS = listing(
    "PaymentFilters",
    member=f.identifier("Only this member's"),
    method=f.choice("Only this kind", Method),
    state=f.choice("Only in this state", PaymentState),
)
RECEIPT = shape_in(
    "PaymentReceived",
    member_id=f.identifier("Who paid").needed(),
    amount=f.amount("What was received", least=1).needed(),
    currency=f.currency("Of the amount; the organization's unless told"),
    method=f.one_of("How it came", *OFFLINE).needed(),
    received_on=f.day("When; today unless told"),
    reference=f.text("A check number or what the bank says", "1024", most=100),
    override_reason=f.override_reason(),
    seen=f.text("As the preview gave it; without it nothing is compared", "4f0c").without_example(),
    receipt=f.flag("Whether the member gets a receipt by mail; yes unless told"),
    **SPREADING,
)
_COLUMNS = {"member": "member_id", "method": "method", "state": "state"}
_PAYMENTS = "/organizations/<uuid:organization_id>/payments/"


@operations.get(
    _PAYMENTS,
    summary="List payments",
    topic=TOPIC,
    gives=pages_of(SUMMARY),
    query=FILTERS,
    allowed=EVERYBODY,
)
def list_payments(query: Values) -> Answer:
    """Also those that failed or are under way. A treasurer's token finds its own chapter's."""
    found = filtered(Payment.here().select(), query, _COLUMNS)
    found = bearer.reached(found, Payment.chapter_id, Payment.member_id)
    return page(found, Payment, query, SUMMARY.tell)


@operations.post(
    _PAYMENTS, summary="Record a payment", topic=TOPIC, gives=PAYMENT, takes=RECEIPT, allowed=OFFICERS
)
def record_payment(body: Values) -> Answer:
    """Cash, a check, a bank transfer, a payroll deduction or a card terminal's payment that an officer
    received. It settles what the member owes as `allocation` says, never more than an invoice owes; the rest
    becomes a credit note."""
    refuse_other_currency(body)
    with transaction():
        member = _payer(body["member_id"])
        payment = record_offline(
            member,
            body["amount"],
            method=Method(body["method"]),
            on=_received_on(body),
            by=acting,
            reference=body.get("reference", "").strip() or None,
            spread=spread_of(member, body),
            seen=body.get("seen"),
            receipt=body.get("receipt", True),
        )
    return _told(payment)


@operations.post(
    _PAYMENTS + "preview",
    summary="Preview a payment",
    topic=TOPIC,
    gives=FORESEEN,
    takes=RECEIPT,
    status=200,
    allowed=OFFICERS,
)
def preview_payment(body: Values) -> Answer:
    """What recording it would settle, and what would remain. Nothing is recorded."""
    refuse_other_currency(body)
    with transaction():
        member, day = _payer(body["member_id"]), _received_on(body)
        owed = spreading.open_invoices(member.id)
        seen = spreading.preview(body["amount"], owed, spread_of(member, body))
        method, reference = Method(body["method"]), body.get("reference", "").strip() or None
        alike = offline.alike(member.id, body["amount"], method=method, on=day, reference=reference)
        return FORESEEN.tell(
            seen,
            seen=seen.summary,
            currency=g.organization.currency,
            allocations=[
                PART.tell(invoice, invoice_id=invoice.id, amount=part) for invoice, part in seen.parts
            ],
            alike=[SUMMARY.tell(one) for one in alike],
        )


@operations.post(
    _PAYMENTS + "<uuid:payment_id>/receipt",
    summary="Send the receipt of a payment",
    topic=TOPIC,
    gives=PAYMENT,
    status=200,
    allowed=OFFICERS,
)
def send_payment_receipt(payment_id: UUID) -> Answer:
    """By mail to the member, again as often as somebody wishes."""
    with transaction():
        payment = Payment.here().get(payment_id)
        bearer.in_reach(chapter_id=payment.chapter_id)
        receipts.send(payment, by=acting)
    return _whole(payment_id)


@operations.post(
    _PAYMENTS + "<uuid:payment_id>/reversal",
    summary="Reverse a payment",
    topic=TOPIC,
    gives=PAYMENT,
    takes=REVERSAL,
    status=200,
    allowed=OFFICERS,
)
def reverse_payment(payment_id: UUID, body: Values) -> Answer:
    """One that was recorded by hand and wrongly: what it settled is owed again, and the books take it back.
    A payment that did come in is refunded instead."""
    payment = Payment.here().get(payment_id)
    bearer.in_reach(chapter_id=payment.chapter_id)
    with transaction():
        reversing.reverse(payment_id, by=acting, reason=body["reason"], on=g.organization.today)
    return _whole(payment_id)


@operations.get(
    _PAYMENTS + "<uuid:payment_id>/", summary="Read a payment", topic=TOPIC, gives=PAYMENT, allowed=EVERYBODY
)
def read_payment(payment_id: UUID) -> Answer:
    """The payment and the invoices it settles."""
    return _whole(payment_id)


@operations.post(
    _PAYMENTS + "<uuid:payment_id>/allocations/<uuid:allocation_id>/undo",
    summary="Take a payment off an invoice",
    topic=TOPIC,
    gives=PAYMENT,
    takes=REALLOCATION,
    status=200,
    allowed=OFFICERS,
)
def undo_allocation(payment_id: UUID, allocation_id: UUID, body: Values) -> Answer:
    """Its money settles other invoices of the member as `allocation` says, in the same step. Without that,
    and for what is left, it becomes a credit note."""
    with transaction():
        payment = _reached(payment_id)
        chosen = Allocation.here().first(Allocation.id == allocation_id, Allocation.payment_id == payment.id)
        if chosen is None:
            raise NotFound
        spread = SPREADS[Order(body["allocation"])] if "allocation" in body else reallocating.nowhere
        reallocating.reallocate(chosen.id, spread, on=g.organization.today, by=acting)
    return _told(Payment.here().get(payment_id))


def _payer(member_id: UUID) -> Member:
    try:
        return bearer.reach_member(member_id)
    except NotFound as error:
        raise Invalid(fields={"member_id": "There is no member with this id."}) from error


def _received_on(body: Values) -> Any:
    today = g.organization.today
    day = body.get("received_on", today)
    if day > today:
        raise Invalid(fields={"received_on": f"Today is {today}. Money is recorded once it is there."})
    return day


def _whole(payment_id: UUID) -> dict[str, Any]:
    return _told(_reached(payment_id))


def _reached(payment_id: UUID) -> Payment:
    payment = Payment.here().get(payment_id)
    bearer.in_reach(chapter_id=payment.chapter_id, member_id=payment.member_id)
    return payment


def _told(payment: Payment) -> dict[str, Any]:
    live = (Allocation.payment_id == payment.id, Allocation.undone_at.is_(None))
    parts = Allocation.here().all(*live, order_by=Allocation.id)
    return PAYMENT.tell(payment, allocations=[STANDING.tell(part) for part in parts])
