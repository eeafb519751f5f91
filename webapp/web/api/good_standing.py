"""Who is in good standing: for whoever keeps a gate elsewhere."""

from typing import Any
from uuid import UUID

from flask import g

from webapp.core.db import db, transaction
from webapp.domain.organizations import Member
from webapp.domain.reporting.standing import good_standing
from webapp.domain.reporting.standing import waivers as standing_waivers
from webapp.domain.reporting.standing.good_standing import Basis, Standing, Wanted
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import ADMIN, EVERYBODY, STAFF, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import listing, paged, pages_of, size_of

TOPIC = "Good standing"

_ON = f.day("On which day, today unless told")
STANDING = Shape(
    "Standing",
    {
        "member_id": f.identifier("The member"),
        "number": f.text("The member's number", "PX00012"),
        "on": f.day("On which day"),
        "in_good_standing": f.flag("Whether the member is in good standing"),
        "basis": f.choice("What decides", Basis),
        "because": f.text("The reason in words", "Owes nothing that was due more than 30 days before."),
        "after_days": f.whole("Days after its due date that a debt ends good standing", 30, most=730),
        "too_old": f.amount("What is owed for longer", 0),
        "oldest_due_on": f.day("When the oldest of it was due; null where there is none").or_null(),
        "waived_until": f.day("Until when good standing is granted; null where it is not").or_null(),
        "currency": f.currency(),
    },
)
ONE = shape_in("StandingQuery", on=_ON)
FILTERS = listing(
    "StandingFilters",
    on=_ON,
    chapter=f.identifier("Only this chapter's"),
    in_good_standing=f.flag("Only those who are, or only those who are not"),
)
WAIVER = shape_in(
    "StandingWaiverNew",
    until=f.day("The last day of good standing, at most two years ahead").needed(),
    reason=f.text(
        "Why; the member can read it", "Pays when the insurance has paid", least=1, most=500
    ).needed(),
)
_MEMBER = "/members/<uuid:member_id>/standing/"


@operations.get(
    _MEMBER, summary="Read a member's standing", topic=TOPIC, gives=STANDING, query=ONE, allowed=EVERYBODY
)
def read_standing(member_id: UUID, query: Values) -> Answer:
    """By the organization's rule, with the reason."""
    return _read(bearer.reach_member(member_id), query)


@operations.get(
    "/organizations/<uuid:organization_id>/standing/",
    summary="List who is in good standing",
    topic=TOPIC,
    gives=pages_of(STANDING),
    query=FILTERS,
    allowed=STAFF,
)
def list_standings(query: Values) -> Answer:
    """Everybody who is a member on that day. A treasurer's token finds its own chapter's members."""
    wanted = Wanted(query.get("chapter"), query.get("in_good_standing"))
    found = bearer.reached(good_standing.listed(wanted, **_day(query)), Member.chapter_id)
    if "cursor" in query:
        found = found.where(Member.id < query["cursor"])
    rows = db.session.execute(found.order_by(Member.id.desc()).limit(size_of(query) + 1)).all()
    return paged(rows, query, lambda row: _told(row, good_standing.standing_of(row)))


@operations.post(
    _MEMBER + "waiver/",
    summary="Grant good standing",
    topic=TOPIC,
    gives=STANDING,
    takes=WAIVER,
    allowed=ADMIN,
)
def grant_standing(member_id: UUID, body: Values) -> Answer:
    """Until a day, whatever the member owes. Nothing changes in the books."""
    with transaction():
        member = bearer.reach_member(member_id)
        today = g.organization.today
        standing_waivers.grant(member, until=body["until"], reason=body["reason"], by=acting, on=today)
    return _read(member, {})


@operations.delete(
    _MEMBER + "waiver/", summary="End granted good standing", topic=TOPIC, gives=STANDING, allowed=ADMIN
)
def end_granted_standing(member_id: UUID) -> Answer:
    """From today on the rule counts again."""
    with transaction():
        member = bearer.reach_member(member_id)
        standing_waivers.end(member, by=acting, on=g.organization.today)
    return _read(member, {})


def _read(member: Member, query: Values) -> Answer:
    return _told(member, good_standing.of(member, **_day(query)))


def _day(query: Values) -> dict[str, Any]:
    on, today = query.get("on", g.organization.today), g.organization.today
    return {"on": on, "past": on < today}


def _told(member: Any, standing: Standing) -> dict[str, Any]:
    return STANDING.tell(
        standing,
        member_id=member.id,
        number=member.number,
        in_good_standing=standing.is_good,
        because=standing.sentence(g.organization),
        currency=g.organization.currency,
    )
