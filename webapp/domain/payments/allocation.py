"""Which part of a payment settles which part of an invoice, and how both reach the books."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import joinedload

from webapp.core import audit
from webapp.core.db import db, new_id
from webapp.core.errors import Conflict
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import Code, Event, Move, Side, post
from webapp.domain.organizations import Login
from webapp.domain.payments.checkout import promise_closing
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.payments.spreading import Part, Spread


def lock_open_invoices(member_id: UUID) -> list[Invoice]:
    """What the member owes, locked in id order, oldest due date first."""
    statement = (
        Invoice.here()
        .select(Invoice.member_id == member_id, Invoice.owed > 0)
        .order_by(Invoice.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return sorted(db.session.scalars(statement), key=lambda invoice: (invoice.due_on, invoice.id))


@dataclass(frozen=True)
class Preview:
    """What an amount would settle, and what would remain of it."""

    parts: Sequence[Part]
    rest: int

    @classmethod
    def of(cls, parts: Sequence[Part], amount: int) -> "Preview":
        return cls(parts, amount - sum(part for _, part in parts))

    @property
    def summary(self) -> str:
        """Tells this preview from every other: which invoice gets how much, and the rest."""
        parts = (f"{invoice.id}:{part}" for invoice, part in self.parts)
        return hashlib.sha256(" ".join([*parts, str(self.rest)]).encode()).hexdigest()[:32]


class PreviewChanged(Conflict):
    """Somebody confirmed what would not happen any more, for instance because an invoice was paid."""

    code = "preview-changed"
    message = "What this payment would settle has changed since you looked."
    next_step = "Look at it again, and confirm that."


def preview(amount: int, owed: Sequence[Invoice], spread: Spread) -> Preview:
    """What `spread` would make of the amount. Invalid, with a reason, where it can't be spread so."""
    return Preview.of(spread(amount, owed), amount)


def refuse_change(settled: Sequence[Part], amount: int, seen: str | None) -> None:
    """What was confirmed is what is done. `seen` is the summary of the preview, if there was one."""
    if seen is not None and seen != Preview.of(settled, amount).summary:
        raise PreviewChanged


def open_invoices(member_id: UUID) -> Sequence[Invoice]:
    """What the member owes, oldest due date first, to look at."""
    statement = Invoice.here().select(Invoice.member_id == member_id, Invoice.owed > 0)
    return db.session.scalars(
        statement.options(joinedload(Invoice.period)).order_by(Invoice.due_on, Invoice.id)
    ).all()


def receive(payment: Payment, settled: Sequence[Part], *, on: date, today: date, by: Login | None) -> None:
    """The money is here since `on`: settle these parts, keep the rest unapplied; one entry for all.

    Whether what is still owed is overdue is a matter of `today`, however long ago the money came.
    """
    assert payment.received_on is None, "A payment comes in once"
    payment.received_on, payment.allocated = on, sum(part for _, part in settled)
    db.session.flush()
    for invoice, part in settled:
        _settle(payment, invoice, part, on=today)
    _write([invoice for invoice, _ in settled])
    post(
        Event.PAYMENT_RECEIVED,
        source=payment,
        moves=list(_moves(payment, settled)),
        on=on,
        by=by,
        description=_description(payment, [invoice for invoice, _ in settled]),
    )


def allocate(payment: Payment, invoice: Invoice, amount: int, *, by: Login | None, on: date) -> Allocation:
    """Settle a part of an invoice with money that is still unapplied. Both rows are locked by the caller."""
    if not 0 < amount <= payment.unapplied:
        raise Conflict("That is more than is left of this payment.")
    if amount > invoice.owed:
        raise Conflict("That is more than this invoice owes.")
    payment.allocated += amount
    allocation = _settle(payment, invoice, amount, on=on)
    _write([invoice])
    source = Side(Code.UNAPPLIED_RECEIPTS, payment.chapter_id, payment.member_id)
    post(
        Event.PAYMENT_ALLOCATED,
        source=allocation,
        moves=[Move(amount, source, _receivable(invoice))],
        on=on,
        by=by,
        description=f"Payment applied to invoice {invoice.number}",
    )
    audit.record("allocate", payment, by=by, after={"invoice_id": str(invoice.id), "amount": amount})
    return allocation


def live_allocations(payment: Payment) -> Sequence[Allocation]:
    """What of this payment settles invoices now, latest first."""
    return Allocation.here().all(
        Allocation.payment_id == payment.id, Allocation.undone_at.is_(None), order_by=Allocation.id.desc()
    )


def restore(payment: Payment, invoice: Invoice, amount: int) -> None:
    """The opposite of `shrink`, when the refund that took it back has failed."""
    payment.allocated += amount
    db.session.add(Allocation(id=new_id(), payment_id=payment.id, invoice_id=invoice.id, amount=amount))
    db.session.flush()


def shrink(allocation: Allocation, payment: Payment, amount: int, *, by: Login | None) -> None:
    """Take a part of an allocation back. The row is kept as undone; what is left stands as a new one."""
    assert 0 < amount <= allocation.amount
    allocation.undone_at = func.now()
    allocation.undone_by_id = by.id if by else None
    left = allocation.amount - amount
    payment.allocated -= amount
    if left:
        db.session.add(
            Allocation(payment_id=payment.id, invoice_id=allocation.invoice_id, amount=left, id=new_id())
        )
    db.session.flush()


def _settle(payment: Payment, invoice: Invoice, amount: int, *, on: date) -> Allocation:
    allocation = Allocation(id=new_id(), payment_id=payment.id, invoice_id=invoice.id, amount=amount)
    db.session.add(allocation)
    invoice.receive(amount, on=on)
    return allocation


def _write(invoices: Sequence[Invoice]) -> None:
    """Allocations and invoices in one go; no page stays open for what is not owed any more."""
    db.session.flush()
    promise_closing(invoices)


def _moves(payment: Payment, settled: Sequence[Part]) -> Iterator[Move]:
    """Pair what arrived where with what it is for, in order; each pair moves as much as both still have."""
    into = _arrivals(payment)
    rest = payment.amount - sum(part for _, part in settled)
    kept = Side(Code.UNAPPLIED_RECEIPTS, payment.chapter_id, payment.member_id)
    targets = [(part, _receivable(invoice)) for invoice, part in settled] + [(rest, kept)]
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


def _description(payment: Payment, invoices: Sequence[Invoice]) -> str:
    numbers = ", ".join(invoice.number for invoice in invoices)
    return f"{payment.method.label} payment" + (f" of {numbers}" if numbers else "")
