"""Which part of a payment settles which part of an invoice, and how both reach the books."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func

from webapp.core import audit, writing
from webapp.core.db import db, new_id
from webapp.core.errors import Conflict
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import Part
from webapp.domain.ledger import Code, Event, Move, Side, post
from webapp.domain.organizations import Login
from webapp.domain.payments import crediting
from webapp.domain.payments.closing_pages import promise_closing
from webapp.domain.payments.payment import Allocation, Method, Payment


def receive(
    payment: Payment,
    settled: Sequence[Part],
    *,
    on: date,
    today: date,
    by: Login | None,
    deposit: str = "",
) -> None:
    """The money is here since `on`: settle these parts, one entry for all; the rest becomes a credit note.

    Whether what is still owed is overdue is a matter of `today`, however long ago the money came.
    """
    assert payment.received_on is None, "A payment comes in once"
    payment.received_on, payment.allocated = on, sum(part for _, part in settled)
    for invoice, part in settled:
        writing.note(Allocation, **_part(payment, invoice.id, part, on=on))
        invoice.receive(part, on=today)
    promise_closing([invoice.id for invoice, _ in settled])
    post(
        Event.PAYMENT_RECEIVED,
        source=payment,
        moves=list(_moves(payment, settled)),
        on=on,
        by=by,
        description=description(payment.method, [invoice for invoice, _ in settled], deposit),
    )
    crediting.credit_rest(payment, on=on, by=by)


def allocate(payment: Payment, invoice: Invoice, amount: int, *, by: Login | None, on: date) -> Allocation:
    """Settle a part of an invoice with money that is still unapplied. Both rows are locked by the caller."""
    if not 0 < amount <= payment.unapplied:
        raise Conflict("That is more than is left of this payment.")
    if amount > invoice.owed:
        raise Conflict("That is more than this invoice owes.")
    payment.allocated += amount
    allocation = Allocation(id=new_id(), **_part(payment, invoice.id, amount, on=on))
    writing.add(allocation)
    invoice.receive(amount, on=on)
    db.session.flush()
    promise_closing([invoice.id])
    post(
        Event.PAYMENT_ALLOCATED,
        source=allocation,
        moves=[Move(amount, payment.unapplied_receipts, _receivable(invoice))],
        on=on,
        by=by,
        description=f"Payment applied to invoice {invoice.number}",
    )
    audit.record("allocate", payment, by=by, after={"invoice_id": str(invoice.id), "amount": amount})
    return allocation


def undo(allocation: Allocation, payment: Payment, invoice: Invoice, *, on: date, by: Login | None) -> None:
    """Take it off the invoice. Its money has no place then: who calls allocates it anew, or credits it."""
    assert allocation.undone_at is None, "What is undone is not undone again"
    _end(allocation, payment, on=on, by=by)
    invoice.release(allocation.amount, on=on)
    post(
        Event.ALLOCATION_UNDONE,
        source=allocation,
        moves=[Move(allocation.amount, _receivable(invoice), payment.unapplied_receipts)],
        on=on,
        by=by,
        description=f"Payment taken off invoice {invoice.number}",
    )
    before = {"invoice_id": str(invoice.id), "amount": allocation.amount}
    audit.record("undo allocation", payment, by=by, before=before)


def live_allocations(payment: Payment) -> Sequence[Allocation]:
    """What of this payment settles invoices now, latest first."""
    return Allocation.here().all(
        Allocation.payment_id == payment.id, Allocation.undone_at.is_(None), order_by=Allocation.id.desc()
    )


def restore(payment: Payment, invoice_id: UUID, amount: int, *, on: date) -> None:
    """The opposite of `shrink`, when the refund that took it back has failed."""
    payment.allocated += amount
    writing.note(Allocation, **_part(payment, invoice_id, amount, on=on))
    db.session.flush()


def shrink(allocation: Allocation, payment: Payment, amount: int, *, on: date, by: Login | None) -> None:
    """Take a part of an allocation back. The row is kept as undone; what is left stands as a new one."""
    assert 0 < amount <= allocation.amount
    _end(allocation, payment, on=on, by=by)
    if left := allocation.amount - amount:
        restore(payment, allocation.invoice_id, left, on=on)
    db.session.flush()


def _part(payment: Payment, invoice_id: UUID, amount: int, *, on: date) -> dict[str, Any]:
    """What an allocation says while it stands."""
    return {"payment_id": payment.id, "invoice_id": invoice_id, "amount": amount, "allocated_on": on}


def _end(allocation: Allocation, payment: Payment, *, on: date, by: Login | None) -> None:
    allocation.undone_at, allocation.undone_on = func.now(), on
    allocation.undone_by_id = by.id if by else None
    payment.allocated -= allocation.amount


def _moves(payment: Payment, settled: Sequence[Part]) -> Iterator[Move]:
    """Pair what arrived where with what it is for, in order; each pair moves as much as both still have."""
    into = _arrivals(payment)
    rest = payment.amount - sum(part for _, part in settled)
    targets = [(part, _receivable(invoice)) for invoice, part in settled]
    targets.append((rest, payment.unapplied_receipts))
    for wanted, credit in targets:
        left = wanted
        while left:
            available, code = into[0]
            moved = min(available, left)
            if moved:
                yield Move(moved, Side(code, credit.chapter_id), credit)
            left -= moved
            into[0] = (available - moved, code)
            if available == moved:
                into.pop(0)


def _arrivals(payment: Payment) -> list[tuple[int, Code]]:
    if payment.is_offline:
        return [(payment.amount, Code.BANK)]
    assert payment.fee is not None, "A processor payment is booked with its fee"
    net = payment.amount - payment.fee
    return [(net, Code.PROCESSOR_CLEARING), (payment.fee, Code.BANK_CHARGES)]


def _receivable(invoice: Invoice) -> Side:
    return Side(Code.RECEIVABLE, invoice.chapter_id, invoice.member_id)


def description(method: Method, invoices: Sequence[Invoice], deposit: str = "") -> str:
    """What the books say of a payment: how it came, what it settled, and with which deposit."""
    numbers = ", ".join(invoice.number for invoice in invoices)
    of = f" of {numbers}" if numbers else ""
    return f"{method.label} payment{of}" + (f", deposit {deposit}" if deposit else "")
