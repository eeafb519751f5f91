"""Billing runs: what one would do, starting it, watching it, and taking it back."""

from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy.orm import joinedload

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import cancelling, confirming, omissions, preview, schedules, undoing
from webapp.domain.billing.assessing import Occasion, Omission
from webapp.domain.billing.confirming import PreviewChanged
from webapp.domain.billing.omissions import LeftOut
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.preview import Preview, Summary
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.settings import DuesSettings
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import ADMIN, NATIONAL, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import PAGED, page, paged, pages_of, size_of

TOPIC = "Billing runs"
_NAMED = 200
_SEEN = "54.2160000.0.3.2026-09-01.5feceb66ffc86f38d952786c6d696c79"

_WHAT = {
    "schedule": f.text("What is charged", "Regular dues"),
    "period": f.text("Code of the billing period", "2026-fall"),
    "dated": f.day("The day as of which members are judged"),
}
SUMMARY = Shape(
    "BillingRunSummary",
    {
        "id": f.identifier("The run"),
        "state": f.choice("Where it stands", RunState),
        **_WHAT,
        "requested_at": f.instant("When it was confirmed"),
        "finished_at": f.instant("When the last member was billed").or_null(),
        "cancelled_at": f.instant("When it was cancelled").or_null(),
        "undo_reason": f.text("Why it was taken back", "The rate was wrong", most=1000).or_null(),
        "error": f.text("What stopped it", "The period was closed meanwhile.", most=2000).or_null(),
    },
)
RUN = Shape(
    "BillingRun",
    {
        **SUMMARY.fields,
        "members": f.whole("Members it is meant for", 57, most=10_000_000),
        "done": f.whole("Members looked at so far", 57, most=10_000_000),
        "invoiced": f.whole("Invoices made so far", 54, most=10_000_000),
        "already": f.whole("Members who had one before", 0, most=10_000_000),
        "total": f.amount("The sum of the invoices made", 2_160_000),
        "currency": f.currency(),
        "omitted": f.counts("Members left out, by reason", {"status_not_billable": 3}),
    },
)
OUTLIER = Shape(
    "Outlier",
    {
        "member_id": f.identifier("The member"),
        "name": f.text("The member's name", "Ana Núñez"),
        "number": f.text("The member's number", "PX00012"),
        "amount": f.amount("What the member would be billed", 150_000),
        "last": f.amount("What it was in the last period").or_null(),
    },
)
LEFT_OUT = Shape(
    "LeftOutMember",
    {
        "member_id": f.identifier("The member"),
        "name": f.text("The member's name", "Ana Núñez"),
        "number": f.text("The member's number", "PX00012"),
        "reason": f.choice("Why there is no invoice", Omission),
    },
)
PREVIEW = Shape(
    "BillingRunPreview",
    {
        **_WHAT,
        "due_on": f.day("When the invoices would be due", "2026-10-01"),
        "considered": f.whole("Members it is meant for", 57, most=10_000_000),
        "invoices": f.whole("Invoices it would make", 54, most=10_000_000),
        "total": f.amount("Their sum", 2_160_000),
        "currency": f.currency(),
        "already": f.whole("Members who have one already", 0, most=10_000_000),
        "omitted": f.counts("Members it would leave out, by reason", {"status_not_billable": 3}),
        "left_out": f.list_of(LEFT_OUT, f"The first {_NAMED} of them, the latest to join the list first"),
        "last_invoices": f.whole("Invoices of the period before", 52, most=10_000_000),
        "last_total": f.amount("Their sum", 2_080_000),
        "seen": f.text("To send with the order, so that what is confirmed is what was seen", _SEEN),
        "outliers": f.list_of(OUTLIER, "Members whose amount is worth a second look, the largest first"),
    },
)
ORDER = shape_in(
    "BillingRunOrder",
    period_id=f.identifier("The billing period").needed(),
    schedule_id=f.identifier("What to charge; the regular dues unless told"),
)
CONFIRMATION = shape_in(
    "BillingRunConfirmation",
    **ORDER.fields,
    seen=f.text("As the preview gave it; without it nothing is compared", _SEEN),
)
UNDOING = shape_in(
    "Undoing", reason=f.text("Why; members can read it", "The rate was wrong", least=1).needed()
)
_RUNS = "/organizations/<uuid:organization_id>/billing-runs/"


@operations.get(
    _RUNS,
    summary="List billing runs",
    topic=TOPIC,
    gives=pages_of(SUMMARY),
    query=PAGED,
    allowed=NATIONAL,
)
def list_billing_runs(query: Values) -> Answer:
    """Every run, the latest first."""
    both = joinedload(BillingRun.schedule), joinedload(BillingRun.period)
    return page(BillingRun.here().select().options(*both), BillingRun, query, _summary)


@operations.post(
    _RUNS + "preview",
    summary="Preview a billing run",
    topic=TOPIC,
    gives=PREVIEW,
    takes=ORDER,
    status=200,
    allowed=ADMIN,
)
def preview_billing_run(body: Values) -> Answer:
    """Who would be billed how much, who would be left out and why, and what stands out. Nobody is billed."""
    with transaction():
        schedule, period = _ordered(body)
        return _foreseen(preview.preview(g.organization, schedule, period, dated=g.organization.today))


def _foreseen(seen: Preview) -> dict[str, Any]:
    occasion = Occasion(seen.schedule, seen.period, seen.dated, DuesSettings.of(g.organization))
    return PREVIEW.tell(
        seen,
        schedule=seen.schedule.name,
        period=seen.period.code,
        invoices=seen.billed.count,
        total=seen.billed.total,
        currency=g.organization.currency,
        omitted={reason.value: number for reason, number in seen.omitted.items()},
        left_out=list(map(_left_out, omissions.latest_first(omissions.foreseen(occasion), limit=_NAMED))),
        last_invoices=seen.last.count,
        last_total=seen.last.total,
        seen=str(seen.summary),
        outliers=[OUTLIER.tell(one) for one in seen.outliers],
    )


@operations.post(
    _RUNS,
    summary="Confirm a billing run",
    topic=TOPIC,
    gives=RUN,
    takes=CONFIRMATION,
    status=202,
    allowed=ADMIN,
)
def confirm_billing_run(body: Values) -> Answer:
    """Starts billing in the background; read the run to watch it. Nobody is billed twice for a period:
    running again bills only who was not billed before. While the same run is under way, it is the answer.
    With `seen`, nobody is billed when the run would do something else by now: the problem (409,
    preview-changed) holds the new `preview`."""
    seen = Summary.read(body["seen"]) if "seen" in body else None
    try:
        with transaction():
            schedule, period = _ordered(body)
            today = g.organization.today
            confirmed = confirming.confirm(
                g.organization, schedule, period, dated=today, by=acting, seen=seen
            )
    except PreviewChanged as changed:
        changed.details = {"preview": _foreseen(changed.now)}
        raise
    return _whole(confirmed.id)


@operations.get(
    _RUNS + "<uuid:run_id>/", summary="Watch a billing run", topic=TOPIC, gives=RUN, allowed=NATIONAL
)
def read_billing_run(run_id: UUID) -> Answer:
    """How far it is, what it billed, and whom it left out and why."""
    return _whole(run_id)


@operations.get(
    _RUNS + "<uuid:run_id>/left-out/",
    summary="List whom a billing run left out",
    topic=TOPIC,
    gives=pages_of(LEFT_OUT),
    query=PAGED,
    allowed=NATIONAL,
)
def list_left_out(run_id: UUID, query: Values) -> Answer:
    """Every member the run looked at and did not bill, and why."""
    wanted = omissions.of_run(BillingRun.here().get(run_id))
    rows = omissions.latest_first(wanted, before=query.get("cursor"), limit=size_of(query) + 1)
    return paged(rows, query, _left_out)


@operations.post(
    _RUNS + "<uuid:run_id>/undo",
    summary="Undo a billing run",
    topic=TOPIC,
    gives=RUN,
    takes=UNDOING,
    status=202,
    allowed=ADMIN,
)
def undo_billing_run(run_id: UUID, body: Values) -> Answer:
    """Voids every invoice of the run, while nothing of it is paid. Never by the one who asked for the run."""
    with transaction():
        undoing.request(BillingRun.here().get(run_id, lock=True), by=acting, reason=body["reason"])
    return _whole(run_id)


@operations.post(
    _RUNS + "<uuid:run_id>/cancel",
    summary="Cancel a billing run",
    topic=TOPIC,
    gives=RUN,
    status=202,
    allowed=ADMIN,
)
def cancel_billing_run(run_id: UUID) -> Answer:
    """Stops a run that is under way. Who is billed already stays billed; nobody else is billed by it."""
    with transaction():
        cancelling.cancel(BillingRun.here().get(run_id), by=acting)
    return _whole(run_id)


def _ordered(body: Values) -> tuple[AssessmentSchedule, BillingPeriod]:
    period = BillingPeriod.here().first(BillingPeriod.id == body["period_id"])
    if period is None:
        raise Invalid(fields={"period_id": "There is no billing period with this id."})
    if "schedule_id" not in body:
        return schedules.standard(), period
    schedule = AssessmentSchedule.here().first(AssessmentSchedule.id == body["schedule_id"])
    if schedule is None:
        raise Invalid(fields={"schedule_id": "There is no assessment schedule with this id."})
    return schedule, period


def _left_out(one: LeftOut) -> dict[str, Any]:
    return LEFT_OUT.tell(one, member_id=one.id)


def _summary(found: BillingRun) -> dict[str, Any]:
    return SUMMARY.tell(found, schedule=found.schedule.name, period=found.period.code)


def _whole(run_id: UUID) -> dict[str, Any]:
    found = BillingRun.open(run_id)
    progress = found.progress()
    return RUN.tell(
        found,
        schedule=found.schedule.name,
        period=found.period.code,
        members=progress.of,
        done=progress.done,
        invoiced=progress.invoiced,
        already=progress.already,
        total=progress.total,
        currency=g.organization.currency,
        omitted={reason.value: number for reason, number in found.omissions().items()},
    )
