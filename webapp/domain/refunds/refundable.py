"""What can still go back of the payments that settle an invoice."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select

from webapp.core import money
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


def of_invoice(invoice: Invoice, *conditions: ColumnElement[bool]) -> list[Refundable]:
    """Every payment that settles a part of it, the latest first."""
    settles = _sum(Allocation, Allocation.undone_at.is_(None), Allocation.invoice_id == invoice.id)
    held = _sum(Refund, Refund.state.in_(UNFINISHED), Refund.invoice_id == invoice.id)
    rows = db.session.execute(
        select(Payment, settles, held)
        .where(Payment.organization_id == invoice.organization_id, Payment.id.in_(_payments_of(invoice)))
        .where(*conditions)
        .order_by(Payment.id.desc())
    )
    return [Refundable(payment, int(settled), int(waiting)) for payment, settled, waiting in rows if settled]


def _payments_of(invoice: Invoice) -> Select[UUID]:
    here = Allocation.organization_id == invoice.organization_id
    return select(Allocation.payment_id).where(here, Allocation.invoice_id == invoice.id)


def _sum(kind: type[Allocation] | type[Refund], *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """Of each payment."""
    mine = (kind.organization_id == Payment.organization_id) & (kind.payment_id == Payment.id)
    return select(func.coalesce(func.sum(kind.amount), 0)).where(mine, *conditions).scalar_subquery()


def what_is_too_much(amount: int, invoice: Invoice, payment: Payment) -> str:
    """Why so much can't go back; empty when it can."""
    left = sum(one.left for one in of_invoice(invoice, Payment.id == payment.id))
    if amount <= left:
        return ""
    if left == 0:
        return f"Nothing of this payment can go back for invoice {invoice.number} any more."
    shown = money.display(left, payment.currency)
    return f"At most {shown} of this payment can still go back for invoice {invoice.number}."
