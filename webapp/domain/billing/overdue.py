"""What the passing of a day does to invoices."""

from datetime import date

from sqlalchemy import update

from webapp.core.db import HasId, db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus, status_expression


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
        .values(status=status_expression(on, Invoice))
    )
    marked: int = db.session.connection().execute(late).rowcount
    return marked
