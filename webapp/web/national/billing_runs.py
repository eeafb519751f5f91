"""Billing runs: watch one, call it off, try again, and take one back."""

from uuid import UUID

from flask import request
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.core.jobs import JobState
from webapp.domain.billing import cancelling, undoing
from webapp.domain.billing.run import BillingRun
from webapp.domain.notifications import paper
from webapp.domain.organizations import Login
from webapp.web.forms import ReasonForm
from webapp.web.gates import current_access
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of
from webapp.web.national import national
from webapp.web.national.billing_previews import RunForm
from webapp.web.request_keys import acts_once


@national.get("/billing-runs/")
def billing_runs() -> Response:
    wanted = (
        BillingRun.here().select().options(joinedload(BillingRun.schedule), joinedload(BillingRun.period))
    )
    if after := request.args.get("after", type=UUID):
        wanted = wanted.where(BillingRun.id < after)
    shown, last = page_of(db.session.scalars(wanted.order_by(BillingRun.id.desc()).limit(PAGE + 1)).all())
    return respond(
        "national/billing_runs/index.html",
        "national/billing_runs/_list.html",
        runs=shown,
        after=last.id if last else None,
        form=RunForm(formdata=None).offer(),
    )


@national.get("/billing-runs/<uuid:run_id>/")
def billing_run(run_id: UUID) -> Response:
    return _show(BillingRun.open(run_id), ReasonForm(formdata=None))


@national.post("/billing-runs/<uuid:run_id>/undoing")
@acts_once
def undo_billing_run(run_id: UUID) -> Response:
    form = ReasonForm()
    if not form.validate():
        return _show(BillingRun.open(run_id), form, status=422)
    try:
        with transaction():
            undoing.request(
                BillingRun.here().get(run_id, lock=True), by=current_user, reason=form.reason.data
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _show(BillingRun.open(run_id), form, status=422)
    return see_other("national.billing_run", run_id=run_id, notice="The run is being undone.")


@national.post("/billing-runs/<uuid:run_id>/retry")
def retry_billing_run(run_id: UUID) -> Response:
    with transaction():
        BillingRun.here().get(run_id).try_again(by=current_user)
    return see_other("national.billing_run", run_id=run_id, notice="The parts that failed are tried again.")


@national.post("/billing-runs/<uuid:run_id>/cancellation")
def cancel_billing_run(run_id: UUID) -> Response:
    with transaction():
        cancelling.cancel(BillingRun.here().get(run_id), by=current_user)
    return see_other("national.billing_run", run_id=run_id, notice="No further member is billed by this run.")


def _show(found: BillingRun, form: ReasonForm, *, status: int = 200) -> Response:
    stuck = found.stuck_jobs()
    others = current_access.can_change_organization() and found.requested_by_id != current_user.id
    return respond(
        "national/billing_runs/show.html",
        "national/billing_runs/_run.html",
        status=status,
        run=found,
        progress=found.progress(),
        omissions=found.omissions(),
        on_paper=0 if found.is_under_way else paper.addressed_on_paper(found),
        stuck=stuck,
        given_up=any(job.state is JobState.DEAD for job in stuck),
        people=_people(found),
        form=form,
        may_undo=others and found.is_over,
    )


def _people(found: BillingRun) -> dict[UUID, str]:
    ids = [one for one in (found.requested_by_id, found.cancelled_by_id, found.undone_by_id) if one]
    return {login.id: login.name for login in db.session.scalars(select(Login).where(Login.id.in_(ids)))}
