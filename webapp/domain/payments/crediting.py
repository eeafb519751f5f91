"""What of a payment has no place on an invoice becomes a credit note, and is the first to go back."""

from datetime import date

from sqlalchemy import case

from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits import applying
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin, open_note
from webapp.domain.ledger import Side
from webapp.domain.organizations import Login, Organization
from webapp.domain.payments.payment import Payment


def credit_rest(
    payment: Payment,
    *,
    origin: Origin = Origin.OVERPAYMENT,
    invoice: Invoice | None = None,
    on: date,
    by: Login | None,
) -> CreditNote | None:
    """What has no place yet, as one credit note; None when there is nothing. The caller holds the payment."""
    rest = payment.amount - payment.allocated - payment.credited - payment.returned
    if not rest:
        return None
    db.session.flush()
    return credit(
        payment,
        rest,
        origin=origin,
        against=payment.unapplied_receipts,
        invoice=invoice,
        on=on,
        by=by,
    )


def credit(
    payment: Payment,
    amount: int,
    *,
    origin: Origin,
    against: Side | None,
    invoice: Invoice | None = None,
    on: date,
    by: Login | None,
) -> CreditNote:
    """Money of this payment, from where the books had it before (None: it is with the notes already)."""
    payment.credited += amount
    described = f"{origin.label.lower()}, {payment.method.label.lower()} payment"
    return open_note(
        payment.member_id,
        payment.chapter_id,
        amount,
        payment.currency,
        origin=origin,
        against=against,
        on=on,
        by=by,
        description=described,
        payment_id=payment.id,
        invoice_id=invoice.id if invoice else None,
    )


def take_back(payment: Payment, amount: int, *, on: date, by: Login | None) -> int:
    """How much of a refund the payment's credit notes give: free ones, held ones, then those on invoices.

    What a note has settled is owed again. The payment is held by the caller, who posts what this gave.
    """
    if not payment.credited:
        return 0
    left = amount - _from_remaining(payment, amount, on=on, by=by)
    for application in applying.live_from(payment.id):
        part = min(left, application.amount)
        if not part:
            break
        invoice = Invoice.here().get(application.invoice_id, lock=True)
        applying.undo(application, invoice, part, on=on, by=by).take_back(part, on=on, by=by)
        left -= part
    taken = amount - left
    payment.credited -= taken
    return taken


def _from_remaining(payment: Payment, amount: int, *, on: date, by: Login | None) -> int:
    free_first = case((CreditNote.state == CreditState.OPEN, 0), else_=1)
    statement = (
        CreditNote.here()
        .select(CreditNote.payment_id == payment.id, CreditNote.remaining > 0)
        .order_by(free_first, CreditNote.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    left = amount
    for note in db.session.scalars(statement):
        part = min(left, note.amount)
        if not part:
            break
        note.take_back(part, on=on, by=by)
        left -= part
    return amount - left


def sweep(organization: Organization) -> int:
    """Payments whose rest has no place, because an earlier version received them; how many."""
    found = Payment.in_(organization).select(Payment.unapplied > 0).order_by(Payment.id).with_for_update()
    payments = db.session.scalars(found).all()
    for payment in payments:
        credit_rest(payment, on=organization.today, by=None)
    return len(payments)
