"""What the passing of a day does to invoices."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, case, literal, update

from webapp.core.db import HasId, db
from webapp.domain.billing.invoice import Invoice, InvoiceStatus


def status_expression(on: date, of: Any = Invoice) -> ColumnElement[InvoiceStatus]:
    """`derive_status` for many rows at once; `of` holds their columns."""
    owed = of.billed - of.adjusted - of.paid
    unsettled = case(
        (of.grace_ends_on < on, _status(InvoiceStatus.OVERDUE)),
        (of.paid > 0, _status(InvoiceStatus.PARTIAL)),
        else_=_status(InvoiceStatus.OPEN),
    )
    return case(
        (of.voided_at.is_not(None), _status(InvoiceStatus.VOID)),
        (owed > 0, unsettled),
        (of.refunded > 0, _status(InvoiceStatus.REFUNDED)),
        (of.paid > 0, _status(InvoiceStatus.PAID)),
        else_=_status(InvoiceStatus.WAIVED),
    )


def _status(status: InvoiceStatus) -> ColumnElement[InvoiceStatus]:
    return literal(status, Invoice.status.type)


def mark_overdue(organization: HasId, on: date) -> int:
    """Let the day pass: invoices whose grace ended before it become overdue. How many did."""
    late = (
        update(Invoice)
        .where(
            Invoice.organization_id == organization.id,
            Invoice.owed > 0,
            Invoice.due_on < on,
            Invoice.grace_ends_on < on,
            Invoice.status.in_([InvoiceStatus.OPEN, InvoiceStatus.PARTIAL]),
        )
        .values(status=status_expression(on))
    )
    marked: int = db.session.connection().execute(late).rowcount
    return marked
