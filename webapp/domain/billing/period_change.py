"""Changing a billing period, as far as no invoice says otherwise already."""

from datetime import date

from webapp.core import audit
from webapp.core.db import db
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.run import UNDER_WAY, BillingRun
from webapp.domain.organizations import Login

ON_INVOICES = ("name", "starts_on", "ends_on")
"""What issued invoices state. Each has a due date of its own, so the period's counts for those to come."""


def is_billed(period: BillingPeriod) -> bool:
    """Whether an invoice was ever issued for it; a void one keeps what it says, too."""
    return Invoice.here().first(Invoice.period_id == period.id) is not None


def change(period: BillingPeriod, *, by: Login | None, **wanted: str | date) -> None:
    """`name`, `starts_on`, `ends_on`, `due_on`, `grace_ends_on`: what is given is changed, the rest stays.

    The caller has locked the period, so that no billing run starts meanwhile.
    """
    new = {name: value.strip() if isinstance(value, str) else value for name, value in wanted.items()}
    before = {name: getattr(period, name) for name, value in new.items() if getattr(period, name) != value}
    if not before:
        return
    _refuse(period, [name for name in ON_INVOICES if name in before])
    for name in before:
        setattr(period, name, new[name])
    if problems := period.problems():
        raise Invalid(fields=problems)
    db.session.flush()
    after = {name: str(new[name]) for name in before}
    audit.record("changed", period, by=by, before={one: str(old) for one, old in before.items()}, after=after)


def _refuse(period: BillingPeriod, stated: list[str]) -> None:
    if period.is_closed:
        raise Conflict(f"{period.name} is closed and stays as it is.", next_step="Make a new period instead.")
    under_way = BillingRun.period_id == period.id, BillingRun.state.in_(UNDER_WAY)
    if BillingRun.here().first(*under_way):
        raise Conflict(f"{period.name} is being billed right now.", next_step="Wait until the run is done.")
    if stated and is_billed(period):
        sentence = f"Invoices of {period.name} state this, so it stays. Due date and grace can be changed."
        raise Invalid(fields=dict.fromkeys(stated, sentence))
