"""The promise to bill: given only while the run would still do what the preview showed."""

from datetime import date

from webapp.core import audit, money
from webapp.core.db import HasId, db
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.periods import hold as hold_period
from webapp.domain.billing.preview import Preview, Summary, preview, refuse_unbillable, summary
from webapp.domain.billing.run import UNDER_WAY, BillingRun, RunState
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.organizations import Login, Organization


class PreviewChanged(Conflict):
    """Members, dues or rates changed after somebody looked. `now` is what the run would do instead."""

    code = "preview-changed"
    message = "What this run would do has changed since you looked at its preview. Nobody was billed."
    next_step = "Look at what it would do now, and confirm that."

    def __init__(self, seen: Summary, now: Preview, currency: str) -> None:
        self.now = now
        self.changes = _changes(seen, now.summary, currency)
        super().__init__(" ".join([self.message, *self.changes]))


def confirm(
    organization: HasId,
    schedule: AssessmentSchedule,
    period: BillingPeriod,
    *,
    dated: date,
    by: Login | None,
    seen: Summary | None = None,
) -> BillingRun:
    """Promise the run. While one of this schedule and period is under way, that one is the answer.

    PreviewChanged when it would not do any more what was `seen`.
    """
    hold_period(period.id)
    same = BillingRun.schedule_id == schedule.id, BillingRun.period_id == period.id
    running = BillingRun.in_(organization).first(*same, BillingRun.state.in_(UNDER_WAY))
    if running is not None and running.state in (RunState.UNDOING, RunState.CANCELLING):
        raise Conflict("This schedule and period is just being taken back. Wait until that is finished.")
    if running is not None:
        return running
    refuse_unbillable(schedule, period)
    _compare(organization, schedule, period, dated, seen)
    run = BillingRun(
        schedule_id=schedule.id, period_id=period.id, dated=dated, requested_by_id=by.id if by else None
    )
    db.session.add(run)
    db.session.flush()
    later(Job.START_BILLING_RUN, once=str(run.id), run_id=run.id)
    audit.record("confirmed", run, by=by, after={"schedule": schedule.name, "period": period.code})
    return run


def _compare(
    organization: HasId,
    schedule: AssessmentSchedule,
    period: BillingPeriod,
    dated: date,
    seen: Summary | None,
) -> None:
    if seen is None or seen == summary(organization, schedule, period, dated=dated):
        return
    currency = db.session.get_one(Organization, organization.id).currency
    raise PreviewChanged(seen, preview(organization, schedule, period, dated=dated), currency)


def _changes(seen: Summary, now: Summary, currency: str) -> list[str]:
    """In sentences; at least one."""
    counts = [
        ("Invoices", seen.invoices, now.invoices),
        ("Members billed before", seen.already, now.already),
        ("Members left out", seen.left_out, now.left_out),
    ]
    told = [f"{what}: {now_:,} instead of {then:,}." for what, then, now_ in counts if then != now_]
    if seen.total != now.total:
        then, new = money.plain(seen.total, currency), money.plain(now.total, currency)
        told.append(f"Total: {new} {currency} instead of {then} {currency}.")
    if seen.dated != now.dated:
        told.append(f"Members are judged as of {now.dated} instead of {seen.dated}.")
    return told or ["The sums are the same, but what single members pay, or on which terms, is not."]
