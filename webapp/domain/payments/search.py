"""Finding payments and deliveries: what the lists of the national office show, page by page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments.batches import ReceiptBatch, ReceiptLine
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import FeeState, Method, Payment, PaymentState


@dataclass(frozen=True)
class WantedPayments:
    """`text` is part of a name, a member's number, a reference or a deposit's.

    `needs` is `fee`, `credited` or `unapplied`.
    """

    text: str = ""
    state: PaymentState | None = None
    method: Method | None = None
    needs: str = ""
    chapter_id: UUID | None = None
    member_id: UUID | None = None
    since: date | None = None
    until: date | None = None
    oldest_first: bool = False


def payments(organization: Organization, wanted: WantedPayments) -> Select[Any]:
    found = (
        Payment.in_(organization).select().options(joinedload(Payment.member), joinedload(Payment.chapter))
    )
    if wanted.text:
        found = found.join(Payment.member).where(
            or_(
                Member.last_name.icontains(wanted.text, autoescape=True),
                Member.first_name.icontains(wanted.text, autoescape=True),
                Member.number == wanted.text,
                Payment.reference == wanted.text,
                Payment.receipt_line_id.in_(_deposited_as(wanted.text, organization)),
                Payment.intent_reference == wanted.text,
            )
        )
    found = found.where(*_conditions(organization, wanted))
    return found.order_by(Payment.id if wanted.oldest_first else Payment.id.desc())


def _conditions(organization: Organization, wanted: WantedPayments) -> Iterator[ColumnElement[bool]]:
    for name in ("chapter_id", "member_id", "state", "method"):
        if value := getattr(wanted, name):
            yield getattr(Payment, name) == value
    if wanted.needs == "fee":
        yield Payment.fee_state.in_((FeeState.AWAITED, FeeState.FAILED))
    if wanted.needs == "credited":
        yield Payment.credited > 0
    if wanted.needs == "unapplied":
        yield Payment.unapplied > 0
    if wanted.since:
        yield Payment.created_at >= organization.midnight(wanted.since)
    if wanted.until:
        yield Payment.created_at < organization.midnight(wanted.until + timedelta(days=1))


def _deposited_as(reference: str, organization: Organization) -> Select[Any]:
    together = and_(
        ReceiptBatch.organization_id == ReceiptLine.organization_id, ReceiptBatch.id == ReceiptLine.batch_id
    )
    return (
        select(ReceiptLine.id)
        .join(ReceiptBatch, together)
        .where(
            ReceiptLine.organization_id == organization.id,
            ReceiptBatch.deposit_reference == reference,
        )
    )


def payments_page(
    organization: Organization, wanted: WantedPayments, *, after: UUID | None, size: int
) -> Sequence[Payment]:
    found = payments(organization, wanted).limit(size)
    if after is not None:
        found = found.where(Payment.id > after if wanted.oldest_first else Payment.id < after)
    rows: Sequence[Payment] = db.session.scalars(found).all()
    return rows


@dataclass(frozen=True)
class WantedEvents:
    kind: str = ""
    state: DeliveryState | None = None
    reference: str = ""


def events(organization: Organization, wanted: WantedEvents) -> Select[Any]:
    found = ProcessorEvent.in_(organization).select().options(joinedload(ProcessorEvent.processor))
    if wanted.kind:
        found = found.where(ProcessorEvent.kind.icontains(wanted.kind, autoescape=True))
    if wanted.state:
        found = found.where(ProcessorEvent.state == wanted.state)
    if wanted.reference:
        found = found.where(
            or_(
                ProcessorEvent.event_reference == wanted.reference,
                ProcessorEvent.object_reference == wanted.reference,
            )
        )
    return found.order_by(ProcessorEvent.id.desc())


def events_page(
    organization: Organization, wanted: WantedEvents, *, after: UUID | None, size: int
) -> Sequence[ProcessorEvent]:
    found = events(organization, wanted).limit(size)
    if after is not None:
        found = found.where(ProcessorEvent.id < after)
    rows: Sequence[ProcessorEvent] = db.session.scalars(found).all()
    return rows
