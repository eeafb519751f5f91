"""Finding disputes: what the desk's list shows, page by page, and which invoices they concern."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists
from sqlalchemy.orm import contains_eager

from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.disputes import ANSWERABLE, UNDECIDED, Dispute
from webapp.domain.payments.gateway import DisputeKind
from webapp.domain.payments.payment import Allocation, Payment


class Show(StrEnum):
    """Which disputes: that wait for an answer (first due first), that are open, that are decided."""

    WAITING = "waiting"
    OPEN = "open"
    DECIDED = "decided"


def disputes(show: Show | None, *, chapter_id: UUID | None = None) -> Select[Dispute]:
    found = (
        Dispute.here()
        .select()
        .join(Dispute.payment)
        .options(
            contains_eager(Dispute.payment).joinedload(Payment.member),
            contains_eager(Dispute.payment).joinedload(Payment.chapter),
        )
    )
    if chapter_id is not None:
        found = found.where(Payment.chapter_id == chapter_id)
    if show is Show.WAITING:
        waits = Dispute.state.in_(ANSWERABLE), Dispute.kind == DisputeKind.CHARGEBACK
        return found.where(*waits).order_by(Dispute.answer_by, Dispute.id)
    if show is not None:
        undecided = Dispute.state.in_(UNDECIDED)
        found = found.where(undecided if show is Show.OPEN else ~undecided)
    return found.order_by(Dispute.id.desc())


def disputes_page(
    show: Show | None, *, chapter_id: UUID | None = None, after: UUID | None, size: int
) -> Sequence[Dispute]:
    found = disputes(show, chapter_id=chapter_id).limit(size)
    if after is not None:
        found = found.where(Dispute.id < after)
    return db.session.scalars(found).all()


def contested() -> ColumnElement[bool]:
    """In a query of invoices: a bank contests money that settles a part of it, and has not decided yet."""
    return exists().where(
        Allocation.organization_id == Invoice.organization_id,
        Allocation.invoice_id == Invoice.id,
        Allocation.undone_at.is_(None),
        Dispute.organization_id == Allocation.organization_id,
        Dispute.payment_id == Allocation.payment_id,
        Dispute.state.in_(UNDECIDED),
    )
