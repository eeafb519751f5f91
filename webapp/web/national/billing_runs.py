"""Billing runs: look first, confirm, watch, and take one back."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField
from wtforms.validators import InputRequired, ValidationError

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.core.jobs import JobState
from webapp.domain.billing import cancelling, confirming, undoing
from webapp.domain.billing.confirming import PreviewChanged
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.preview import Preview, Summary, preview
from webapp.domain.billing.run import BillingOmission, BillingRun
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.notifications import paper
from webapp.domain.organizations import Login, Member
from webapp.web.forms import Form, ReasonForm, offered
from webapp.web.gates import current_access, current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv
from webapp.web.national import national
from webapp.web.request_keys import acts_once


class RunForm(Form):
    schedule = SelectField("What is charged", validators=[InputRequired("Choose a schedule.")])
    period = SelectField("Billing period", validators=[InputRequired("Choose a period.")])

    def offer(self) -> "RunForm":
        """Schedules in use and open periods, the latest first."""
        schedules = AssessmentSchedule.here().all(
            AssessmentSchedule.active.is_(True), order_by=AssessmentSchedule.id
        )
        periods = BillingPeriod.here().all(
            BillingPeriod.closed_at.is_(None), order_by=BillingPeriod.starts_on.desc()
        )
        self.schedule.choices = offered((str(one.id), one.name) for one in schedules)
        self.period.choices = offered((str(one.id), f"{one.name} ({one.code})") for one in periods)
        return self

    def chosen(self) -> tuple[AssessmentSchedule, BillingPeriod]:
        return (
            AssessmentSchedule.here().get(UUID(self.schedule.data)),
            BillingPeriod.here().get(UUID(self.period.data)),
        )


class ConfirmForm(RunForm):
    """`seen` is the preview that stood above the button."""

    seen = HiddenField(validators=[InputRequired("Look at the preview first.")])

    def validate_seen(self, field: HiddenField) -> None:
        try:
            Summary.read(field.data)
        except Invalid as refusal:
            raise ValidationError("Look at the preview again.") from refusal


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


@national.get("/billing-runs/preview")
def preview_billing_run() -> str | tuple[str, int]:
    form = RunForm(formdata=request.args).offer()
    if not form.schedule.validate(form) or not form.period.validate(form):
        return render_template("national/billing_runs/new.html", form=form), 422
    return _preview(preview(current_organization, *form.chosen(), dated=current_organization.today))


@national.post("/billing-runs/")
@acts_once
def create_billing_run() -> Response | tuple[str, int]:
    form = ConfirmForm().offer()
    if not form.validate():
        return render_template("national/billing_runs/new.html", form=form), 422
    today, seen = current_organization.today, Summary.read(form.seen.data)
    try:
        with transaction():
            confirmed = confirming.confirm(
                current_organization, *form.chosen(), dated=today, by=current_user, seen=seen
            )
    except PreviewChanged as changed:
        return _preview(changed.now, changed.changes), changed.status
    return see_other("national.billing_run", run_id=confirmed.id)


@national.get("/billing-runs/<uuid:run_id>/")
def billing_run(run_id: UUID) -> Response:
    return _show(BillingRun.open(run_id), ReasonForm(formdata=None))


@national.get("/billing-runs/<uuid:run_id>/omissions")
def billing_omissions(run_id: UUID) -> Response:
    found = BillingRun.open(run_id)
    if wants_csv():
        rows = ((one.number, one.name, one.reason.label) for one in _omitted(found, None))
        return stream_csv("left-out.csv", ("member_number", "name", "reason"), rows)
    shown, last = page_of(list(_omitted(found, request.args.get("after", type=UUID), PAGE + 1)))
    return respond(
        "national/billing_runs/omissions.html",
        "national/billing_runs/_omissions.html",
        run=found,
        omissions=shown,
        after=last.id if last else None,
    )


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


def _preview(seen: Preview, changes: Sequence[str] = ()) -> str:
    form = ConfirmForm(formdata=None)
    return render_template("national/billing_runs/preview.html", form=form, seen=seen, changes=changes)


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


def _omitted(found: BillingRun, after: UUID | None, limit: int | None = None) -> Iterator[Any]:
    rows = (
        select(
            BillingOmission.id,
            BillingOmission.reason,
            Member.number,
            (Member.first_name + " " + Member.last_name).label("name"),
        )
        .join(
            Member,
            (Member.organization_id == BillingOmission.organization_id)
            & (Member.id == BillingOmission.member_id),
        )
        .where(BillingOmission.organization_id == found.organization_id, BillingOmission.run_id == found.id)
        .order_by(BillingOmission.id)
    )
    if after:
        rows = rows.where(BillingOmission.id > after)
    yield from db.session.execute(rows.limit(limit))
