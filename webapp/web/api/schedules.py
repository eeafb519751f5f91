"""What is charged each period, and to whom."""

from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy import or_
from sqlalchemy.orm import joinedload

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import schedules
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.schedules import AssessmentSchedule, Basis, ScheduleKind, Terms
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import ADMIN, STAFF, acting
from webapp.web.api.dues import TOPIC, only
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.organizations import LATE_FEE, refuse_other_currency
from webapp.web.api.paging import PAGED, page, pages_of
from webapp.web.api.people import chapter_named, status_named

_SCHEDULE = {
    "name": f.text("As members read it on their invoice", "Regular dues", least=1),
    "kind": f.choice("What sort of charge", ScheduleKind),
    "basis": f.choice("By rate, flat per member, or a total divided by ownership share", Basis),
    "amount": f.amount("Per member if flat, the total if by share, null if by rate").or_null(),
    "chapter_id": f.identifier("Only members of this chapter; null for all").or_null(),
    "status": f.text("Only members of this status; null for all", "undergraduate", least=1).or_null(),
    "period_id": f.identifier("Only for this period; null for every one").or_null(),
    "chapter_percent": f.decimal("The part of each invoice that is the chapter's, in per cent", "25.00"),
    **LATE_FEE,
}
SCHEDULE = Shape(
    "AssessmentSchedule",
    {
        "id": f.identifier("The schedule"),
        **_SCHEDULE,
        "currency": f.currency(),
        "active": f.flag("Whether it still bills anybody"),
    },
)
SCHEDULE_NEW = shape_in(
    "AssessmentScheduleNew",
    **{name: one.needed() if name in ("name", "kind", "basis") else one for name, one in _SCHEDULE.items()},
    currency=f.currency(),
)
SCHEDULE_CHANGE = shape_in(
    "AssessmentScheduleChange", active=f.flag("false retires it, true brings it back").needed()
)
_SCHEDULES = "/organizations/<uuid:organization_id>/assessment-schedules/"


@operations.get(
    _SCHEDULES,
    summary="List assessment schedules",
    topic=TOPIC,
    gives=pages_of(SCHEDULE),
    query=PAGED,
    allowed=STAFF,
)
def list_schedules(query: Values) -> Answer:
    """What is charged each period, and to whom."""
    return page(_schedules(), AssessmentSchedule, query, _schedule)


@operations.post(
    _SCHEDULES,
    summary="Add an assessment schedule",
    topic=TOPIC,
    gives=SCHEDULE,
    takes=SCHEDULE_NEW,
    allowed=ADMIN,
)
def add_schedule(body: Values) -> Answer:
    """Regular dues or a special assessment: for all, a chapter or a status; by rate, flat or by share."""
    refuse_other_currency(body)
    with transaction():
        schedule = schedules.add(_terms(body), by=acting)
    return _schedule(_found_schedule(schedule.id))


@operations.get(
    _SCHEDULES + "<uuid:schedule_id>/",
    summary="Read an assessment schedule",
    topic=TOPIC,
    gives=SCHEDULE,
    allowed=STAFF,
)
def read_schedule(schedule_id: UUID) -> Answer:
    """What it charges, and whom."""
    return _schedule(_found_schedule(schedule_id))


@operations.patch(
    _SCHEDULES + "<uuid:schedule_id>/",
    summary="Retire an assessment schedule, or bring it back",
    topic=TOPIC,
    gives=SCHEDULE,
    takes=SCHEDULE_CHANGE,
    allowed=ADMIN,
)
def change_schedule(schedule_id: UUID, body: Values) -> Answer:
    """A retired schedule bills nobody any more and stays for the invoices it made."""
    with transaction():
        schedule = AssessmentSchedule.here().get(schedule_id, lock=True)
        if body["active"] is not schedule.active:
            (schedule.bring_back if body["active"] else schedule.retire)(by=acting)
    return _schedule(_found_schedule(schedule_id))


def _terms(body: Values) -> Terms:
    facts = {name: value for name, value in body.items() if name != "status"}
    if body.get("chapter_id"):
        chapter_named(body["chapter_id"])
    if body.get("period_id") and BillingPeriod.here().first(BillingPeriod.id == body["period_id"]) is None:
        raise Invalid(fields={"period_id": "There is no billing period with this id."})
    if body.get("status"):
        facts["status_id"] = status_named(body["status"]).id
    return Terms(**facts)


def _schedules() -> Any:
    found = AssessmentSchedule.here().select().options(joinedload(AssessmentSchedule.status))
    if own := bearer.own_chapter():
        mine = AssessmentSchedule.chapter_id == own
        found = found.where(or_(AssessmentSchedule.chapter_id.is_(None), mine))
    return found


def _found_schedule(schedule_id: UUID) -> AssessmentSchedule:
    schedule: AssessmentSchedule = only(_schedules().where(AssessmentSchedule.id == schedule_id))
    return schedule


def _schedule(schedule: AssessmentSchedule) -> dict[str, Any]:
    status = schedule.status.code if schedule.status else None
    return SCHEDULE.tell(schedule, status=status, currency=g.organization.currency)
