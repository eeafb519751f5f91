"""Payment pages that ask for what is not owed any more: closed at the processor before somebody pays."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import ARRAY, CTE, Select, Uuid, bindparam, func, literal_column, select

from webapp.core import writing
from webapp.core.db import db
from webapp.core.jobs import Job, later, nudge_after_commit, promise_in
from webapp.core.statements import shared
from webapp.core.tenancy import HERE
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.checkout import UNFINISHED, Checkout, CheckoutState


def begin_closing(invoice_id: UUID, *, now: datetime) -> Checkout | None:
    """The checkout of this invoice that has to be closed at the processor, if there is one."""
    invoice = Invoice.here().get(invoice_id, lock=True)
    unfinished = Checkout.unfinished_of(invoice.id)
    if unfinished is None or unfinished.fits(invoice, now=now):
        return None
    unfinished.state = CheckoutState.CLOSING
    return unfinished


def promise_closing(invoice_ids: Sequence[UUID] | Select[UUID]) -> None:
    """Something else is owed by now: the pages that still ask for what was are closed in the background.

    The caller holds the invoices, so no page opens meanwhile.
    """
    if not isinstance(invoice_ids, Select):
        writing.note_made(_CLOSING, _close, paid_invoices=list(invoice_ids))
        return
    still_asking = Checkout.here().select(
        Checkout.invoice_id.in_(invoice_ids), Checkout.state.in_(UNFINISHED)
    )
    for invoice_id in db.session.scalars(still_asking.with_only_columns(Checkout.invoice_id)):
        later(Job.CLOSE_CHECKOUT, invoice_id=invoice_id)


def _closing() -> CTE:
    asking = (
        select(Checkout.invoice_id)
        .where(
            Checkout.organization_id == HERE,
            Checkout.invoice_id == func.any(bindparam("paid_invoices", type_=ARRAY(Uuid()))),
            Checkout.state.in_([literal_column(f"'{state}'") for state in UNFINISHED]),
        )
        .cte("asking")
    )
    return promise_in(Job.CLOSE_CHECKOUT, asking, invoice_id=asking.c.invoice_id)


_close = partial(nudge_after_commit, Job.CLOSE_CHECKOUT)
_CLOSING = shared(_closing())
