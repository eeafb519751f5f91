"""Payments that the payer's bank contests or took back: found, read, answered."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import contains_eager

from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.domain.payments.disputes import (
    MOST_WORDS,
    AnswerKind,
    AnswerState,
    Dispute,
    DisputeAnswer,
    DisputeEntry,
    EntryKind,
)
from webapp.domain.payments.gateway import DisputeKind, DisputeState
from webapp.domain.payments.payment import Payment
from webapp.web import disputes
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import OFFICERS, STAFF, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import filtered, listing, page, pages_of

TOPIC = "Payments"


def _fee(description: str) -> f.Field:
    most = f.LARGEST_AMOUNT
    return f.whole(f"{description}, in minor units", 1_500, least=-most, most=most)


_DISPUTE = {
    "id": f.identifier("The dispute"),
    "payment_id": f.identifier("The payment it is about"),
    "member_id": f.identifier("Who paid"),
    "chapter_id": f.identifier("The chapter it was for"),
    "kind": f.choice("Contested, or a bank debit that came back", DisputeKind),
    "state": f.choice("Where it stands", DisputeState),
    "reason": f.text("The bank's reason, as the processor codes it", "fraudulent"),
    "amount": f.amount("What is contested", least=1),
    "withdrawn": f.amount("What the processor took for it and has not given back"),
    "fee": _fee("What the processor charged for it, less what it gave back"),
    "lost": f.amount("What is gone for good", 0),
    "owed_again": f.amount("What of that the member owes again", 0),
    "currency": f.currency(),
    "opened_at": f.instant("When the bank opened it"),
    "answer_by": f.instant("Until when it takes an answer").or_null(),
    "reference": f.text("Its name at the processor", "du_1abc"),
}
SUMMARY = Shape("DisputeSummary", _DISPUTE)
ENTRY = Shape(
    "DisputeEntry",
    {
        "kind": f.choice("What happened", EntryKind),
        "amount": f.amount("How much money"),
        "fee": _fee("The fee that went with it, negative when it was given back"),
        "created_at": f.instant("When it was booked"),
    },
)
ANSWER = Shape(
    "DisputeAnswer",
    {
        "kind": f.choice("Our side of it, or giving in", AnswerKind),
        "state": f.choice("Promised until the processor has taken or refused it", AnswerState),
        "statement": f.text("The words that went with our records", "Ana was at the congress").or_null(),
        "refusal": f.text("Why the processor did not take it", "Too late").or_null(),
        "created_at": f.instant("When somebody decided to say so"),
    },
)
DISPUTE = Shape(
    "Dispute",
    _DISPUTE
    | {
        "entries": f.list_of(ENTRY, "What reached the books, oldest first"),
        "answers": f.list_of(ANSWER, "What was said to the bank, oldest first"),
    },
)
STATEMENT = shape_in(
    "DisputeStatement",
    statement=f.text(
        "In your own words why the payment was right; the bank reads it beside the records",
        "Ana was at the congress",
        least=1,
        most=MOST_WORDS,
    ).needed(),
)
FILTERS = listing(
    "DisputeFilters",
    state=f.choice("Only in this state", DisputeState),
    kind=f.choice("Only this kind", DisputeKind),
)
_COLUMNS = {"state": "state", "kind": "kind"}
_DISPUTES = "/organizations/<uuid:organization_id>/disputes/"
_ONE = _DISPUTES + "<uuid:dispute_id>/"


@operations.get(
    _DISPUTES,
    summary="List disputes and returned debits",
    topic=TOPIC,
    gives=pages_of(SUMMARY),
    query=FILTERS,
    allowed=STAFF,
)
def list_disputes(query: Values) -> Answer:
    """A treasurer's token finds its own chapter's."""
    found = filtered(Dispute.here().select(), query, _COLUMNS)
    found = found.join(Dispute.payment).options(contains_eager(Dispute.payment))
    return page(bearer.reached(found, Payment.chapter_id), Dispute, query, _summed_up)


@operations.get(_ONE, summary="Read a dispute", topic=TOPIC, gives=DISPUTE, allowed=STAFF)
def read_dispute(dispute_id: UUID) -> Answer:
    """The dispute, each step of it that reached the books, and what was said to the bank."""
    return _whole(_found(dispute_id))


@operations.get(
    _ONE + "records",
    summary="Read the records for a dispute",
    topic=TOPIC,
    gives=None,
    files=("application/pdf",),
    allowed=STAFF,
)
def read_dispute_records(dispute_id: UUID) -> Answer:
    """What the bank reads with an answer, as a PDF: the invoices, the payment, who was told what and when."""
    return disputes.records(_found(dispute_id).id)


@operations.post(
    _ONE + "answer",
    summary="Answer a dispute",
    topic=TOPIC,
    gives=DISPUTE,
    takes=STATEMENT,
    status=200,
    allowed=OFFICERS,
)
def answer_dispute(dispute_id: UUID, body: Values) -> Answer:
    """Hands the records and these words to the payer's bank, for good: it reads one answer. They leave in the
    background; read the dispute to see whether the processor took them."""
    with transaction():
        _found(dispute_id, lock=True).answer(body["statement"], by=acting)
    return _whole(_found(dispute_id))


@operations.post(
    _ONE + "accept", summary="Give in to a dispute", topic=TOPIC, gives=DISPUTE, status=200, allowed=OFFICERS
)
def accept_dispute(dispute_id: UUID) -> Answer:
    """The payer keeps the money, and what it had paid is owed again once the processor says so."""
    with transaction():
        _found(dispute_id, lock=True).accept(by=acting)
    return _whole(_found(dispute_id))


def _found(dispute_id: UUID, *, lock: bool = False) -> Dispute:
    statement = Dispute.here().select(Dispute.id == dispute_id).join(Dispute.payment)
    if lock:
        statement = statement.with_for_update(of=Dispute)
    dispute = db.session.scalars(statement.options(contains_eager(Dispute.payment))).one_or_none()
    if dispute is None:
        raise NotFound
    bearer.in_reach(chapter_id=dispute.payment.chapter_id, member_id=dispute.payment.member_id)
    return dispute


def _whole(dispute: Dispute) -> dict[str, Any]:
    said = DisputeAnswer.here().all(DisputeAnswer.dispute_id == dispute.id, order_by=DisputeAnswer.id)
    return DISPUTE.tell(
        dispute,
        entries=[ENTRY.tell(entry) for entry in DisputeEntry.of(dispute)],
        answers=[ANSWER.tell(one) for one in said],
        **_beside(dispute),
    )


def _summed_up(dispute: Dispute) -> dict[str, Any]:
    return SUMMARY.tell(dispute, **_beside(dispute))


def _beside(dispute: Dispute) -> dict[str, Any]:
    payment = dispute.payment
    return {
        "member_id": str(payment.member_id),
        "chapter_id": str(payment.chapter_id),
        "currency": payment.currency,
        "owed_again": dispute.taken,
    }
