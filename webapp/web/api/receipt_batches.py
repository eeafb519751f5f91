"""Payments that came together: a stack of checks, a payroll file."""

from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy.orm import joinedload

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.organizations import Chapter
from webapp.domain.payments import batch_lines, batch_posting, batches
from webapp.domain.payments.batch_lines import Read
from webapp.domain.payments.batches import ReceiptBatch, ReceiptBatchState, ReceiptLine, Slip
from webapp.domain.payments.payment import OFFLINE, Method, Payment
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import OFFICERS, STAFF, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.organizations import refuse_other_currency
from webapp.web.api.paging import filtered, listing, page, pages_of

TOPIC = "Payments that came together"
MOST_SENT = 1_000

_BATCH = {
    "id": f.identifier("The batch"),
    "chapter_id": f.identifier("Whose members it is for; null for all").or_null(),
    "method": f.choice("How the money came", Method),
    "deposited_on": f.day("The day of the deposit, which all its entries have"),
    "deposit_reference": f.text("What the bank's statement will say", "D-2026-017"),
    "expected_count": f.whole("How many there are, by the deposit slip", 10).or_null(),
    "expected_total": f.amount("What they come to, by the deposit slip").or_null(),
    "state": f.choice("Where it stands", ReceiptBatchState),
    "problem": f.text("Why it could not be posted", "There are no lines yet.").or_null(),
    "created_at": f.instant("When it was begun"),
    "posted_at": f.instant("When it went into the books").or_null(),
}
SUMMARY = Shape("ReceiptBatchSummary", _BATCH)
LINE = Shape(
    "ReceiptLine",
    {
        "position": f.whole("Its place in the batch", 1, least=1, most=batches.MOST_LINES * 2),
        "member_id": f.identifier("Who is meant; null when that can't be told").or_null(),
        "amount": f.amount("What it is").or_null(),
        "reference": f.text("A check's number", "1024"),
        "problem": f.text("Why it can't be posted yet", "Nobody here has this number.").or_null(),
        "payment_id": f.identifier("The payment it became").or_null(),
    },
)
BATCH = Shape("ReceiptBatch", _BATCH | {"lines": f.list_of(LINE, "Its lines, in their order")})
LINE_IN = shape_in(
    "ReceiptLineIn",
    member=f.text("The member's number, e-mail address or exact name", "PX00012", least=1).needed(),
    amount=f.amount("What it is", least=1).needed(),
    reference=f.text("A check's number", "1024", most=100),
)
BATCH_IN = shape_in(
    "ReceiptBatchIn",
    chapter_id=f.identifier("Whose members it is for; all unless told").without_example(),
    currency=f.currency("Of the amounts; the organization's unless told"),
    method=f.one_of("How the money came", *OFFLINE).needed(),
    deposited_on=f.day("The day of the deposit; today unless told"),
    deposit_reference=f.text("What the bank's statement will say", "D-2026-017", least=1, most=100).needed(),
    expected_count=f.whole("How many there are, by the deposit slip", 1, least=1).needed(),
    expected_total=f.amount("What they come to, by the deposit slip", least=1).needed(),
    receipts=f.flag("Whether everybody gets a receipt by mail; not unless told"),
    lines=f.several(LINE_IN, "The checks, the deductions", most=MOST_SENT).needed(),
)
POSTING_IN = shape_in(
    "ReceiptBatchPosting",
    sure=f.flag("Post it also when some of it may have been recorded before; not unless told"),
    override_reason=f.override_reason(),
)
FILTERS = listing("ReceiptBatchFilters", state=f.choice("Only in this state", ReceiptBatchState))
_BATCHES = "/organizations/<uuid:organization_id>/receipt-batches/"


@operations.get(
    _BATCHES, summary="List batches", topic=TOPIC, gives=pages_of(SUMMARY), query=FILTERS, allowed=STAFF
)
def list_receipt_batches(query: Values) -> Answer:
    """Drafts and posted ones. A treasurer's token finds its own chapter's."""
    found = filtered(ReceiptBatch.here().select(), query, {"state": "state"})
    return page(bearer.reached(found, ReceiptBatch.chapter_id), ReceiptBatch, query, SUMMARY.tell)


@operations.post(
    _BATCHES, summary="Draft a batch", topic=TOPIC, gives=BATCH, takes=BATCH_IN, allowed=OFFICERS
)
def draft_receipt_batch(body: Values) -> Answer:
    """With all of its lines. Each says whom it means, or why nobody is found; nothing is in the books yet."""
    refuse_other_currency(body)
    slip = Slip(
        method=Method(body["method"]),
        deposited_on=body.get("deposited_on", g.organization.today),
        reference=body["deposit_reference"],
        count=body["expected_count"],
        total=body["expected_total"],
        receipts=body.get("receipts", False),
    )
    with transaction():
        batch = batches.open_batch(slip, chapter=_chapter(body), by=acting)
        rows = [
            Read(place, [line["member"]], line["amount"], line.get("reference", ""))
            for place, line in enumerate(body["lines"], 1)
        ]
        batch_lines.keep(batch, [row.position for row in rows], rows, g.organization)
    return _told(batch)


@operations.get(
    _BATCHES + "<uuid:batch_id>/", summary="Read a batch", topic=TOPIC, gives=BATCH, allowed=STAFF
)
def read_receipt_batch(batch_id: UUID) -> Answer:
    """Its lines, and the payment each became."""
    return _told(_found(batch_id))


@operations.post(
    _BATCHES + "<uuid:batch_id>/posting",
    summary="Post a batch",
    topic=TOPIC,
    gives=BATCH,
    takes=POSTING_IN,
    status=200,
    allowed=OFFICERS,
)
def post_receipt_batch(batch_id: UUID, body: Values) -> Answer:
    """All of it or nothing, each line as a payment of its own, the oldest invoice first. It has to come to
    what the slip says. A long batch is posted in the background: read it to see when it is posted."""
    with transaction():
        batch = _found(batch_id, lock=True)
        batch_posting.post(
            batch,
            by=acting,
            version=batch.version,
            sure=body.get("sure", False),
            organization=g.organization,
        )
    return _told(batch)


@operations.delete(
    _BATCHES + "<uuid:batch_id>/", summary="Discard a batch", topic=TOPIC, gives=BATCH, allowed=OFFICERS
)
def discard_receipt_batch(batch_id: UUID) -> Answer:
    """A draft that nobody needs, as it was. What was posted stays: a wrong line's payment is reversed."""
    with transaction():
        batch = _found(batch_id, lock=True)
        told = _told(batch)
        batch.discard(by=acting)
    return told


def _found(batch_id: UUID, *, lock: bool = False) -> ReceiptBatch:
    batch = batches.find(batch_id, lock=lock)
    own = bearer.own_chapter()
    if own is not None and batch.chapter_id != own:
        raise NotFound
    return batch


def _chapter(body: Values) -> Chapter | None:
    own, named = bearer.own_chapter(), body.get("chapter_id")
    if named is None and own is None:
        return None
    found = Chapter.here().first(Chapter.id == (named or own))
    if found is None or own not in (None, found.id):
        raise Invalid(fields={"chapter_id": "There is no chapter with this id."})
    return found


def _told(batch: ReceiptBatch) -> dict[str, Any]:
    lines = ReceiptLine.here().select(ReceiptLine.batch_id == batch.id).order_by(ReceiptLine.position)
    rows = db.session.scalars(lines.options(joinedload(ReceiptLine.member))).all()
    payments = {one.receipt_line_id: one.id for one in _payments(batch)}
    return BATCH.tell(batch, lines=[LINE.tell(row, payment_id=payments.get(row.id)) for row in rows])


def _payments(batch: ReceiptBatch) -> Any:
    its = ReceiptLine.here().select(ReceiptLine.batch_id == batch.id).with_only_columns(ReceiptLine.id)
    return Payment.here().all(Payment.receipt_line_id.in_(its)) if batch.posted_at else []
