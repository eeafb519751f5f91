"""Billing runs: begun, billed a batch at a time, and undone."""

from uuid import UUID

from webapp.core.db import transaction
from webapp.domain.billing import batch, run, undoing
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments import closing_pages


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
            voided = Invoice.here().select(Invoice.run_id == run_id)
            closing_pages.promise_closing(voided.with_only_columns(Invoice.id))
