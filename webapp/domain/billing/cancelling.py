"""Stopping a run that is under way: what is billed stays billed, what was not begun is not billed."""

from sqlalchemy import select, update

from webapp.core import audit, clock
from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.domain.billing.run import (
    BatchState,
    BillingBatch,
    BillingRun,
    RunState,
    finish_if_done,
    hold,
)
from webapp.domain.organizations import Login


def cancel(run: BillingRun, *, by: Login) -> None:
    """Batches that are being billed at this moment are finished; the run is over with the last of them."""
    run = hold(run.id)
    if not run.can_be_cancelled:
        raise Conflict(
            "Only a run that is under way can be cancelled.",
            next_step="A run that is finished can be undone while nothing of it is paid.",
        )
    run.state, run.cancelled_by_id, run.cancelled_at = RunState.CANCELLING, by.id, clock.now()
    _call_off(run)
    progress = run.progress()
    after = {"members": progress.done, "of": progress.of, "invoices": progress.invoiced}
    audit.record("cancelled", run, by=by, after=after)
    finish_if_done(run)


def _call_off(run: BillingRun) -> None:
    """Every batch that nobody has begun; a batch stays locked while somebody bills it."""
    not_begun = (
        select(BillingBatch.id)
        .where(
            BillingBatch.organization_id == run.organization_id,
            BillingBatch.run_id == run.id,
            BillingBatch.state == BatchState.WAITING,
        )
        .with_for_update(skip_locked=True)
        .subquery()
    )
    db.session.execute(
        update(BillingBatch)
        .where(BillingBatch.organization_id == run.organization_id, BillingBatch.id == not_begun.c.id)
        .values(state=BatchState.CANCELLED, finished_at=clock.now())
    )
