"""Taking back a payment that an officer recorded wrongly, as if it had never come. The row stays."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import aliased

from webapp.core import audit, clock, tenancy
from webapp.core.db import db
from webapp.core.errors import Conflict, Invalid
from webapp.core.jobs import Job, later
from webapp.domain import ledger
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits.credit_note import CreditNote, CreditState
from webapp.domain.ledger import Event, JournalEntry
from webapp.domain.organizations import Login
from webapp.domain.payments import allocation
from webapp.domain.payments.payment import Allocation, Payment, PaymentState


class NotReversible(Conflict):
    message = "This payment can't be reversed."
    next_step = "A payment that came in and shall go back is refunded."


def refuse_unless_reversible(payment: Payment) -> None:
    """Only what was recorded by hand, and nothing of it has gone back."""
    if not payment.is_offline:
        raise NotReversible("This payment came through a processor, so nobody recorded it wrongly.")
    if payment.state is PaymentState.REVERSED:
        raise NotReversible("This payment is reversed already.", next_step="Record it rightly, if it came.")
    if payment.state is not PaymentState.SUCCEEDED:
        raise NotReversible("No money came in with this payment.")
    if payment.returned:
        raise NotReversible("Some of this payment was given back, so it did come in.")
    if payment.reserved:
        raise NotReversible("A refund of this payment is under way, so it did come in.")


def obstacle(payment: Payment) -> NotReversible | None:
    """Why it can't be reversed, for a page that says so before somebody tries."""
    try:
        refuse_unless_reversible(payment)
    except NotReversible as refusal:
        return refusal
    return None


def reverse(payment_id: UUID, *, by: Login | None, reason: str, on: date) -> Payment:
    """Every entry of it is turned round, what it settled is owed again, and the member hears of it if a
    receipt was mailed.
    """
    if not reason.strip():
        raise Invalid(fields={"reason": "Say what was wrong. It stands in the history for everybody."})
    invoices = _lock_invoices(payment_id)
    payment = Payment.here().get(payment_id, lock=True)
    refuse_unless_reversible(payment)
    notes = _lock_notes(payment)
    entries = _entries(payment, notes)
    for note in notes:
        if note.remaining:
            note.take_back(note.amount, reason=reason.strip(), on=on, by=by)
    payment.credited = 0
    for settled in allocation.live_allocations(payment):
        allocation.shrink(settled, payment, settled.amount, on=on, by=by)
        invoices[settled.invoice_id].release(settled.amount, on=on)
    for entry in entries:
        ledger.reverse(entry, source=payment, on=on, by=by, description=f"Reversed: {entry.description}")
    payment.state, payment.returned = PaymentState.REVERSED, payment.amount
    payment.reversed_at, payment.reversed_on = clock.now(), on
    payment.reversal_reason = reason.strip()
    payment.reversed_by_id = by.id if by else None
    audit.record("payment_reversed", payment, by=by, before={"amount": payment.amount}, reason=reason.strip())
    later(Job.ANNOUNCE, once=f"payment_reversed:{payment.id}", what="payment_reversed", payment_id=payment.id)
    return payment


def _lock_invoices(payment_id: UUID) -> dict[UUID, Invoice]:
    """Those it settles or settled, in id order and before the payment, as everywhere."""
    settled = select(Allocation.invoice_id).where(
        Allocation.organization_id == tenancy.organization_id(), Allocation.payment_id == payment_id
    )
    statement = (
        Invoice.here()
        .select(Invoice.id.in_(settled))
        .order_by(Invoice.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {invoice.id: invoice for invoice in db.session.scalars(statement)}


def _lock_notes(payment: Payment) -> Sequence[CreditNote]:
    """The credit notes it made, of which nothing may have been used."""
    statement = CreditNote.here().select(CreditNote.payment_id == payment.id).order_by(CreditNote.id)
    notes = db.session.scalars(statement.with_for_update().execution_options(populate_existing=True)).all()
    for note in notes:
        if note.used:
            raise NotReversible(
                f"Credit note {note.number}, which this payment made, has been used.",
                next_step="Take the credit note off what it was used for, then reverse the payment.",
            )
        if note.state is CreditState.HELD:
            raise NotReversible(
                f"Credit note {note.number}, which this payment made, is being given back.",
                next_step="Deny or withdraw that first, then reverse the payment.",
            )
    return notes


def _entries(payment: Payment, notes: Sequence[CreditNote]) -> Sequence[JournalEntry]:
    """All that it has in the books and that is not taken back yet, the latest first."""
    parts = select(Allocation.id).where(
        Allocation.organization_id == payment.organization_id, Allocation.payment_id == payment.id
    )
    later_entry = aliased(JournalEntry)
    taken_back = select(later_entry.id).where(
        later_entry.organization_id == JournalEntry.organization_id,
        later_entry.reverses_id == JournalEntry.id,
    )
    return JournalEntry.here().all(
        or_(
            JournalEntry.source_id == payment.id,
            JournalEntry.source_id.in_(parts),
            and_(
                JournalEntry.source_id.in_([note.id for note in notes]),
                JournalEntry.event == Event.CREDIT_NOTE_ISSUED,
            ),
        ),
        JournalEntry.reverses_id.is_(None),
        ~taken_back.exists(),
        order_by=JournalEntry.id.desc(),
    )
