"""Taking a payment off an invoice: its money settles other invoices in the same step, or is a credit note."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from webapp.core.errors import Conflict
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import (
    Part,
    Preview,
    Spread,
    lock_open_invoices,
    open_invoices,
    refuse_change,
)
from webapp.domain.credits.credit_note import CreditNote, Origin
from webapp.domain.organizations import Login
from webapp.domain.payments import allocation, crediting
from webapp.domain.payments.payment import Allocation, Payment


def nowhere(amount: int, owed: Sequence[Invoice]) -> list[Part]:
    """Settle nothing with it: all of it becomes a credit note."""
    return []


def others(chosen: Allocation, payment: Payment) -> list[Invoice]:
    """What else the member owes, to choose from."""
    return [one for one in open_invoices(payment.member_id) if one.id != chosen.invoice_id]


def preview(chosen: Allocation, payment: Payment, spread: Spread) -> Preview:
    _refuse_undone(chosen)
    return Preview.of(spread(chosen.amount, others(chosen, payment)), chosen.amount)


def reallocate(
    allocation_id: UUID, spread: Spread, *, seen: str | None = None, on: date, by: Login | None
) -> CreditNote | None:
    """Undo it and settle what `spread` says instead; what is left is a credit note. Both stay on record.

    `seen` is the summary of the preview that somebody confirmed.
    """
    found = Allocation.here().get(allocation_id)
    member_id = Payment.here().get(found.payment_id).member_id
    owed = lock_open_invoices(member_id, also=found.invoice_id)
    payment = Payment.here().get(found.payment_id, lock=True)
    chosen = Allocation.here().get(allocation_id, lock=True)
    _refuse_undone(chosen)
    targets = [one for one in owed if one.id != chosen.invoice_id]
    parts = spread(chosen.amount, targets)
    refuse_change(parts, chosen.amount, seen)
    invoice = next(one for one in owed if one.id == chosen.invoice_id)
    allocation.undo(chosen, payment, invoice, on=on, by=by)
    for target, part in parts:
        allocation.allocate(payment, target, part, on=on, by=by)
    return crediting.credit_rest(payment, origin=Origin.UNDONE, on=on, by=by)


def _refuse_undone(chosen: Allocation) -> None:
    if chosen.undone_at is not None:
        raise Conflict(
            "This was taken off the invoice already.",
            next_step="Load the payment again to see what it settles.",
        )
