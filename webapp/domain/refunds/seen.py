"""Refunds that somebody made at the processor itself: found when a payment is read, booked once each."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from sqlalchemy import select

from webapp.core import audit, tenancy
from webapp.core.db import db, new_id
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import Code, Event, Move, Side, entry_for, moves_of, post, reverse
from webapp.domain.payments import allocation, receiving
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.gateway import ProcessorRefund
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.payments.sighting import Sighting
from webapp.domain.refunds.refund import Refund, RefundState

_STATES = {
    "succeeded": RefundState.SUCCEEDED,
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}


def learn(checkout_id: UUID, sighting: Sighting, *, on: date) -> Payment:
    """Everything that was seen: the payment first, then what went back of it."""
    invoices = _lock_invoices(checkout_id)
    payment = receiving.learn(checkout_id, sighting, on=on)
    if payment.received_on is not None and sighting.payment is not None:
        for seen in sighting.payment.refunds:
            _take_note(payment, seen, invoices, on=on)
    return payment


def _lock_invoices(checkout_id: UUID) -> dict[UUID, Invoice]:
    """The invoices this payment settles, settled or was meant for, locked in id order before the rest."""
    checkout = Checkout.here().get(checkout_id)
    settled = select(Allocation.invoice_id).where(
        Allocation.organization_id == tenancy.organization_id(),
        Allocation.payment_id == checkout.payment_id,
    )
    statement = (
        Invoice.here()
        .select(Invoice.id.in_(settled) | (Invoice.id == checkout.invoice_id))
        .order_by(Invoice.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {invoice.id: invoice for invoice in db.session.scalars(statement)}


def _take_note(payment: Payment, seen: ProcessorRefund, invoices: dict[UUID, Invoice], *, on: date) -> None:
    state = _STATES.get(seen.state, RefundState.PENDING)
    refund = Refund.here().first(Refund.processor_reference == seen.reference)
    if refund is None:
        if state is RefundState.FAILED:
            return
        refund = Refund(
            id=new_id(),
            payment_id=payment.id,
            amount=seen.amount,
            state=RefundState.PENDING,
            processor_reference=seen.reference,
            refunded_on=on,
            reason="Made at the processor",
        )
        db.session.add(refund)
        db.session.flush()
    if refund.state is RefundState.PENDING and state is not RefundState.PENDING:
        if state is RefundState.FAILED:
            refund.fail()
            return
        refund.state = state
        _book(refund, payment, invoices, on=on)
    elif refund.state is RefundState.SUCCEEDED and state is RefundState.FAILED:
        _take_back(refund, payment, invoices, on=on)


def _book(refund: Refund, payment: Payment, invoices: dict[UUID, Invoice], *, on: date) -> None:
    """First out of what is unapplied, then out of what settled invoices. The debt does not come back."""
    from_unapplied = min(refund.amount, payment.unapplied)
    moves = list(_moves(refund, payment, from_unapplied, invoices, on=on))
    payment.returned += refund.amount
    refund.refunded_on = on
    db.session.flush()
    post(Event.REFUND, source=refund, moves=moves, on=on, by=None, description="Refund made at the processor")
    audit.record("refund_seen", payment, by=None, after={"amount": refund.amount})


def _take_back(refund: Refund, payment: Payment, invoices: dict[UUID, Invoice], *, on: date) -> None:
    """It failed after all, perhaps days later: the money never left, and settles again what it settled."""
    refund.fail()
    entry = entry_for(refund.id, Event.REFUND)
    assert entry is not None, "A refund that succeeded is in the books"
    left = sum(move.amount for move in moves_of(entry) if move.debit.account is Code.REFUNDS)
    reverse(entry, source=refund, on=on, by=None, description="Refund failed at the processor")
    payment.returned -= refund.amount
    for invoice in invoices.values():
        part = min(left, invoice.refunded)
        if part:
            invoice.keep_after_all(part, on=on)
            allocation.restore(payment, invoice, part)
            left -= part
    audit.record("refund_failed", payment, by=None, after={"amount": refund.amount})


def _moves(
    refund: Refund, payment: Payment, from_unapplied: int, invoices: dict[UUID, Invoice], *, on: date
) -> Iterator[Move]:
    clearing = Side(Code.PROCESSOR_CLEARING, payment.chapter_id)
    if from_unapplied:
        unapplied = Side(Code.UNAPPLIED_RECEIPTS, payment.chapter_id, payment.member_id)
        yield Move(from_unapplied, unapplied, clearing)
    left = refund.amount - from_unapplied
    for settled in allocation.live_allocations(payment):
        part = min(left, settled.amount)
        if part == 0:
            break
        invoice = invoices[settled.invoice_id]
        allocation.shrink(settled, payment, part, by=None)
        invoice.give_back(part, on=on, reinstates_debt=False)
        chapter = invoice.chapter_id
        yield Move(part, Side(Code.REFUNDS, chapter), Side(Code.PROCESSOR_CLEARING, chapter))
        left -= part
    assert left == 0, "A processor never gives back more than came in"
