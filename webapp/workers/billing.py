"""Billing runs: begun, billed a batch at a time, and undone."""

from uuid import UUID

from sqlalchemy import select

from webapp.core.db import db, transaction
from webapp.core.jobs import Job, later
from webapp.domain.billing import batch, run, undoing
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.checkout import UNFINISHED, Checkout


def start_billing_run(run_id: UUID) -> None:
    with transaction():
        run.start(run_id)


def bill_batch(run_id: UUID, batch_id: UUID) -> None:
    with transaction():
        batch.bill_batch(run_id, batch_id)


def undo_billing_run(run_id: UUID) -> None:
    """Nobody shall pay on a page that was opened before its invoice was voided."""
    with transaction():
        if undoing.undo(run_id):
            for invoice_id in _being_paid(run_id):
                later(Job.CLOSE_CHECKOUT, once=f"void:{invoice_id}", invoice_id=invoice_id)


def _being_paid(run_id: UUID) -> list[UUID]:
    its_invoices = Invoice.here().select(Invoice.run_id == run_id).with_only_columns(Invoice.id)
    open_pages = select(Checkout.invoice_id).where(
        Checkout.organization_id == Invoice.here().organization_id,
        Checkout.state.in_(UNFINISHED),
        Checkout.invoice_id.in_(its_invoices),
    )
    return list(db.session.scalars(open_pages))
