"""Cancelling an invoice that was paid: its money becomes credit notes first, then nothing is owed on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, select

from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits import applying
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote, Origin
from webapp.domain.ledger import Code, Event, Move, Side, post
from webapp.domain.organizations import Login
from webapp.domain.payments import allocation, crediting
from webapp.domain.payments.payment import Allocation, Payment


class Freed(NamedTuple):
    """What becomes a credit note: so much of this payment, or of this credit note."""

    amount: int
    payment: Payment | None = None
    note: CreditNote | None = None


@dataclass(frozen=True)
class Effect:
    """What voiding does, to look at before: money that becomes credit notes, refunds that no longer count as
    an expense, and what is owed no more. Amounts in minor units."""

    parts: Sequence[Freed]
    refunded: int
    owed: int
    moves: Sequence[Move]

    @property
    def credited(self) -> int:
        return sum(one.amount for one in self.parts)


def effect(invoice: Invoice) -> Effect:
    applications = (
        select(CreditNote, CreditApplication.amount)
        .join(CreditApplication.note)
        .where(
            CreditApplication.organization_id == invoice.organization_id,
            CreditApplication.invoice_id == invoice.id,
            CreditApplication.undone_at.is_(None),
        )
    )
    freed = [Freed(part, payment=payment) for payment, part in db.session.execute(_settled_by(invoice))]
    freed += [Freed(part, note=note) for note, part in db.session.execute(applications)]
    owing = Side(Code.RECEIVABLE, invoice.chapter_id, invoice.member_id)
    held = Side(Code.CREDIT_NOTES, invoice.chapter_id, invoice.member_id)
    moves = [Move(one.amount, owing, held) for one in freed]
    if invoice.refunded:
        moves.append(Move(invoice.refunded, owing, Side(Code.REFUNDS, invoice.chapter_id)))
    return Effect(freed, invoice.refunded, invoice.owed, moves)


def void(invoice_id: UUID, *, by: Login | None, reason: str, on: date) -> list[CreditNote]:
    """Cancel it. The credit notes that its money became, if it had any."""
    invoice = Invoice.here().get(invoice_id, lock=True)
    opened = [*_free_payments(invoice, on=on, by=by), *_free_credit(invoice, on=on, by=by)]
    if invoice.refunded:
        _reinstate_refunded(invoice, on=on, by=by)
    invoice.void(by=by, reason=reason, on=on)
    return opened


def _free_payments(invoice: Invoice, *, on: date, by: Login | None) -> list[CreditNote]:
    """One note for each payment, which are locked in id order."""
    ids = sorted({payment.id for payment, _ in db.session.execute(_settled_by(invoice))})
    opened = []
    for payment_id in ids:
        payment = Payment.here().get(payment_id, lock=True)
        for settled in allocation.live_allocations(payment):
            if settled.invoice_id == invoice.id:
                allocation.undo(settled, payment, invoice, on=on, by=by)
        note = crediting.credit_rest(payment, origin=Origin.VOIDED_INVOICE, invoice=invoice, on=on, by=by)
        opened += [note] if note else []
    return opened


def _free_credit(invoice: Invoice, *, on: date, by: Login | None) -> list[CreditNote]:
    return [
        applying.undo(application, invoice, origin=Origin.VOIDED_INVOICE, on=on, by=by)
        for application in applying.live_on(invoice)
    ]


def _reinstate_refunded(invoice: Invoice, *, on: date, by: Login | None) -> None:
    """What went back without the debt coming back was an expense. Now there was no debt: it was none."""
    spent = Side(Code.REFUNDS, invoice.chapter_id)
    owing = Side(Code.RECEIVABLE, invoice.chapter_id, invoice.member_id)
    moves = [Move(invoice.refunded, owing, spent)]
    described = f"Refunded on invoice {invoice.number}, which is voided"
    invoice.reinstate_refunded(on=on)
    given_back = Allocation.here().all(
        Allocation.invoice_id == invoice.id, Allocation.undone_at.is_not(None), order_by=Allocation.id
    )[-1]
    post(Event.REFUND, source=given_back, moves=moves, on=on, by=by, description=described)


def _settled_by(invoice: Invoice) -> Select[Payment, int]:
    return (
        select(Payment, Allocation.amount)
        .join(Allocation.payment)
        .where(
            Allocation.organization_id == invoice.organization_id,
            Allocation.invoice_id == invoice.id,
            Allocation.undone_at.is_(None),
        )
        .order_by(Allocation.id)
    )
