"""What can still go back of the payments that settle an invoice."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from webapp.core import money, tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.refunds.refund import UNFINISHED, Refund


@dataclass(frozen=True)
class Refundable:
    """A payment of an invoice, in minor units: what of it settles the invoice, what refunds that are not
    finished hold of that, and what can still go back.
    """

    payment: Payment
    settles: int
    held: int

    @property
    def left(self) -> int:
        return max(0, min(self.settles - self.held, self.payment.returnable))


def of_invoice(invoice: Invoice) -> list[Refundable]:
    """Every payment that settles a part of it, the latest first."""
    settled = _sums(Allocation, Allocation.undone_at.is_(None), Allocation.invoice_id == invoice.id)
    held = _sums(Refund, Refund.state.in_(UNFINISHED), Refund.invoice_id == invoice.id)
    payments: Sequence[Payment] = db.session.scalars(
        Payment.here()
        .select(Payment.id.in_(settled))
        .options(joinedload(Payment.processor))
        .order_by(Payment.id.desc())
    ).all()
    return [Refundable(payment, settled[payment.id], held.get(payment.id, 0)) for payment in payments]


def of_payment(invoice: Invoice, payment: Payment) -> Refundable:
    """The same for one of them, which the caller holds."""
    return Refundable(
        payment,
        _sums(
            Allocation,
            Allocation.undone_at.is_(None),
            Allocation.invoice_id == invoice.id,
            Allocation.payment_id == payment.id,
        ).get(payment.id, 0),
        _sums(
            Refund,
            Refund.state.in_(UNFINISHED),
            Refund.invoice_id == invoice.id,
            Refund.payment_id == payment.id,
        ).get(payment.id, 0),
    )


def what_is_too_much(amount: int, invoice: Invoice, payment: Payment) -> str:
    """Why so much can't go back; empty when it can."""
    left = of_payment(invoice, payment).left
    if amount <= left:
        return ""
    if left == 0:
        return f"Nothing of this payment can go back for invoice {invoice.number} any more."
    shown = money.display(left, payment.currency)
    return f"At most {shown} of this payment can still go back for invoice {invoice.number}."


def _sums(kind: type[Allocation] | type[Refund], *conditions: ColumnElement[bool]) -> dict[UUID, int]:
    """By payment."""
    rows = db.session.execute(
        select(kind.payment_id, func.sum(kind.amount))
        .where(kind.organization_id == tenancy.organization_id(), *conditions)
        .group_by(kind.payment_id)
    )
    return {payment_id: int(total) for payment_id, total in rows if payment_id is not None}
