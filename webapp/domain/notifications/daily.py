"""A day's work of an organization, once: what became overdue, who is reminded, what is cleared away."""

from datetime import date

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from webapp.core.db import db, new_id
from webapp.domain.billing import late_fee_charging
from webapp.domain.billing.late_fees import LateFee
from webapp.domain.billing.overdue import mark_overdue
from webapp.domain.notifications import autopay_mails, dispute_mails, installments, reminders
from webapp.domain.notifications.delivery import DailyRun
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Organization, housekeeping
from webapp.domain.payments import closing_pages, crediting
from webapp.domain.plans import nightly


def pass_day(organization: Organization, day: date, links: Links) -> tuple[DailyRun, bool]:
    """Do the day's work, and say whether it was done just now. A day that was done is left as it is."""
    mine = insert(DailyRun).values(organization_id=organization.id, id=new_id(), day=day, counts={})
    made = db.session.scalars(mine.on_conflict_do_nothing().returning(DailyRun)).first()
    if made is None:
        done = DailyRun.in_(organization).first(DailyRun.day == day)
        assert done is not None, "A day that can't be added is there"
        return done, False
    made.counts = {
        "overdue": mark_overdue(organization, day),
        **nightly.pass_day(organization, day),
        "late_fees": _charge_late_fees(organization, day),
        "credited": crediting.sweep(organization),
        "reminders": reminders.promise(organization, day, links),
        "installments": installments.promise(organization, day, links),
        "ending_cards": autopay_mails.remind_of_ends(organization, day, links),
        "dispute_deadlines": dispute_mails.remind(organization, day, links),
        "cleared_away": housekeeping.clear_away(),
    }
    made.finished_at = func.now()
    return made, True


def _charge_late_fees(organization: Organization, day: date) -> int:
    """How many. Whoever has a page open to pay an invoice is asked for the fee as well."""
    run = late_fee_charging.charge(organization, day)
    if run is None:
        return 0
    charged = LateFee.here().select(LateFee.run_id == run.id)
    closing_pages.promise_closing(charged.with_only_columns(LateFee.invoice_id))
    return run.fees
