"""What a lost dispute takes out of a payment, and what comes back into it if the loss is undone."""

from collections.abc import Iterator, Mapping
from datetime import date
from uuid import UUID

from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import Code, Move, Side
from webapp.domain.payments import allocation, crediting
from webapp.domain.payments.closing_pages import promise_closing
from webapp.domain.payments.payment import Payment

Invoices = Mapping[UUID, Invoice]


def take_out(payment: Payment, amount: int, invoices: Invoices, *, into: Side, on: date) -> Iterator[Move]:
    """Credit notes made of it go first, then what settled invoices, latest first: that is owed again."""
    left = amount
    for held, account in _without_invoice(payment, amount, on=on):
        _return(payment, held)
        yield Move(held, account, into)
        left -= held
    for settled in allocation.live_allocations(payment):
        part = min(left, settled.amount)
        if not part:
            break
        invoice = invoices[settled.invoice_id]
        allocation.shrink(settled, payment, part, on=on, by=None)
        invoice.release(part, on=on)
        _return(payment, part)
        yield Move(part, _receivable(invoice), into)
        left -= part
    assert left == 0, "No more is taken out than the payment still holds"


def put_back(payment: Payment, amount: int, invoices: Invoices, *, out_of: Side, on: date) -> Iterator[Move]:
    """It settles again what is still owed of the invoices it was for; the rest settles nothing yet."""
    _return(payment, -amount)
    left = amount
    again = [invoice for invoice in invoices.values() if invoice.owed > 0]
    for invoice in sorted(again, key=lambda one: (one.due_on, one.id)):
        part = min(left, invoice.owed)
        if part:
            invoice.receive(part, on=on)
            allocation.restore(payment, invoice.id, part, on=on)
            yield Move(part, out_of, _receivable(invoice))
        left -= part
    if left:
        yield Move(left, out_of, payment.unapplied_receipts)
    promise_closing([invoice.id for invoice in again])


def _without_invoice(payment: Payment, amount: int, *, on: date) -> Iterator[tuple[int, Side]]:
    """What settles no invoice directly, and where the books keep it."""
    unapplied = min(amount, payment.unapplied)
    if unapplied:
        yield unapplied, payment.unapplied_receipts
    noted = crediting.take_back(payment, amount - unapplied, on=on, by=None)
    if noted:
        yield noted, payment.credit_notes


def _return(payment: Payment, amount: int) -> None:
    payment.returned += amount
    db.session.flush()


def _receivable(invoice: Invoice) -> Side:
    return Side(Code.RECEIVABLE, invoice.chapter_id, invoice.member_id)
