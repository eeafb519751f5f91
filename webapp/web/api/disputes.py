"""Payments that the payer's bank contests or took back."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import contains_eager

from webapp.core.db import db
from webapp.core.errors import NotFound
from webapp.domain.payments.disputes import Dispute, DisputeEntry, EntryKind
from webapp.domain.payments.gateway import DisputeKind, DisputeState
from webapp.domain.payments.payment import Payment
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import STAFF
from webapp.web.api.fields import Shape
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
DISPUTE = Shape("Dispute", _DISPUTE | {"entries": f.list_of(ENTRY, "What reached the books, oldest first")})
FILTERS = listing(
    "DisputeFilters",
    state=f.choice("Only in this state", DisputeState),
    kind=f.choice("Only this kind", DisputeKind),
)
_COLUMNS = {"state": "state", "kind": "kind"}
_DISPUTES = "/organizations/<uuid:organization_id>/disputes/"


@operations.get(
    _DISPUTES,
    summary="List disputes and returned debits",
    topic=TOPIC,
    gives=pages_of(SUMMARY),
    query=FILTERS,
    allowed=STAFF,
)
def list_disputes(query: Values) -> Answer:
    """A treasurer's token finds its own chapter's. Answers are given on the page, where the records are."""
    found = filtered(Dispute.here().select(), query, _COLUMNS)
    found = found.join(Dispute.payment).options(contains_eager(Dispute.payment))
    return page(bearer.reached(found, Payment.chapter_id), Dispute, query, _summed_up)


@operations.get(
    _DISPUTES + "<uuid:dispute_id>/", summary="Read a dispute", topic=TOPIC, gives=DISPUTE, allowed=STAFF
)
def read_dispute(dispute_id: UUID) -> Answer:
    """The dispute and each step of it that reached the books."""
    statement = Dispute.here().select(Dispute.id == dispute_id).join(Dispute.payment)
    dispute = db.session.scalars(statement.options(contains_eager(Dispute.payment))).one_or_none()
    if dispute is None:
        raise NotFound
    bearer.in_reach(chapter_id=dispute.payment.chapter_id, member_id=dispute.payment.member_id)
    entries = [ENTRY.tell(entry) for entry in DisputeEntry.of(dispute)]
    return DISPUTE.tell(dispute, entries=entries, **_beside(dispute))


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
