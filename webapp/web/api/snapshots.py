"""What was owed on days that are written down."""

from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy import select

from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.domain.reporting import snapshot_lists, snapshot_reading, snapshots
from webapp.domain.reporting.snapshot_lists import Wanted
from webapp.domain.reporting.snapshots import AMOUNTS, Place, Snapshot, SnapshotLine
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import ADMIN, STAFF, acting
from webapp.web.api.books import AGES
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import PAGED, listing, paged, pages_of, size_of

TOPIC = "Reports"


_AMOUNTS = {
    "owed": f.balance("All that was owed", 52_000),
    "dues": f.balance("What of it were regular dues", 52_000),
    **AGES,
}
_MEMBERS = {"members": f.whole("How many owed something", 12, most=100_000_000)}
_ABOUT = {
    "id": f.identifier("The snapshot"),
    "as_of": f.day("What was owed at the end of this day"),
    "taken_at": f.instant("When it was written down"),
    "nightly": f.flag("Whether it was taken by itself"),
    "currency": f.currency(),
}
SNAPSHOT = Shape("Snapshot", _ABOUT | _MEMBERS | _AMOUNTS)
CHAPTER = Shape(
    "SnapshotChapter",
    {"id": f.identifier("The chapter"), "name": f.text("Its name", "Alpha Chapter")} | _MEMBERS | _AMOUNTS,
)
PLEDGE_CLASS = Shape(
    "SnapshotPledgeClass",
    {
        "id": f.identifier("The pledge class"),
        "name": f.text("Its name", "Fall 2026"),
        "chapter": f.text("Its chapter", "Alpha Chapter"),
    }
    | _MEMBERS
    | _AMOUNTS,
)
WHOLE = Shape(
    "SnapshotWithGroups",
    _ABOUT
    | _MEMBERS
    | _AMOUNTS
    | {
        "chapters": f.list_of(CHAPTER, "By chapter, by name"),
        "pledge_classes": f.list_of(PLEDGE_CLASS, "By pledge class, by chapter and name"),
    },
)
_WHO = {
    "member_id": f.identifier("The member"),
    "number": f.text("The member's number", "PX00012"),
    "chapter": f.text("The chapter's name", "Alpha Chapter"),
}
LINE = Shape("SnapshotLine", _WHO | {"invoices": f.whole("Invoices behind it", 2, most=1_000_000)} | _AMOUNTS)
_CHANGE = {
    "before": f.balance("Owed in the earlier one", 52_000),
    "after": f.balance("Owed in the later one", 52_000),
    "change": f.balance("The difference", 52_000),
}
CHAPTER_CHANGE = Shape(
    "SnapshotChapterChange",
    {"id": f.identifier("The chapter"), "name": f.text("Its name", "Alpha Chapter")} | _CHANGE,
)
MEMBER_CHANGE = Shape("SnapshotMemberChange", _WHO | _CHANGE)
COMPARISON = Shape(
    "SnapshotComparison",
    {
        "before_id": f.identifier("The earlier one"),
        "after_id": f.identifier("The later one"),
        "before_as_of": f.day("Its day"),
        "after_as_of": f.day("Its day"),
        "currency": f.currency(),
        **_CHANGE,
        "chapters": f.list_of(CHAPTER_CHANGE, "By chapter, by name"),
        **{name: field for name, field in pages_of(MEMBER_CHANGE).fields.items()},
    },
)
TAKE = shape_in("SnapshotNew", as_of=f.day("Today, or a day before; today unless told"))
_WHOSE = {
    "chapter": f.identifier("Only of this chapter").without_example(),
    "pledge_class": f.identifier("Only of who was in this pledge class").without_example(),
    "q": f.text("Part of a name or number", "Núñez", least=1, most=100).without_example(),
}
LINE_FILTERS = listing(
    "SnapshotLineFilters",
    amount=f.one_of("Only lines with something of this amount; of all unless told", *AMOUNTS),
    **_WHOSE,
)
CHANGE_FILTERS = listing("SnapshotChangeFilters", **_WHOSE)
_SNAPSHOTS = "/organizations/<uuid:organization_id>/reports/snapshots/"
_SNAPSHOT = _SNAPSHOTS + "<uuid:snapshot_id>/"


@operations.get(
    _SNAPSHOTS, summary="List snapshots", topic=TOPIC, gives=pages_of(SNAPSHOT), query=PAGED, allowed=STAFF
)
def list_snapshots(query: Values) -> Answer:
    """A treasurer's token reads its own chapter's part of each."""
    found = snapshot_reading.listed(_place()).order_by(Snapshot.id.desc()).limit(size_of(query) + 1)
    if "cursor" in query:
        found = found.where(Snapshot.id < query["cursor"])
    return paged(db.session.execute(found).all(), query, _told)


@operations.post(
    _SNAPSHOTS, summary="Take a snapshot", topic=TOPIC, gives=SNAPSHOT, takes=TAKE, allowed=ADMIN
)
def take_snapshot(body: Values) -> Answer:
    """What is owed at the end of that day as far as it is known now. It never changes afterwards."""
    with transaction():
        as_of = body.get("as_of", g.organization.today)
        taken = snapshots.take(g.organization, as_of, by=acting)
    return _told(_row(taken.id))


@operations.get(_SNAPSHOT, summary="Read a snapshot", topic=TOPIC, gives=WHOLE, allowed=STAFF)
def read_snapshot(snapshot_id: UUID) -> Answer:
    """With its chapters and pledge classes."""
    row, place = _row(snapshot_id), _place()
    chapters = db.session.execute(snapshot_reading.by_chapter(snapshot_id, place).order_by("name"))
    classes = snapshot_reading.by_pledge_class(snapshot_id, place).order_by("chapter", "name")
    return WHOLE.tell(
        row,
        **_facts(row),
        chapters=[CHAPTER.tell(one, **_whole(one)) for one in chapters],
        pledge_classes=[PLEDGE_CLASS.tell(one, **_whole(one)) for one in db.session.execute(classes)],
    )


@operations.get(
    _SNAPSHOT + "members/",
    summary="List who owed what in a snapshot",
    topic=TOPIC,
    gives=pages_of(LINE),
    query=LINE_FILTERS,
    allowed=STAFF,
)
def list_snapshot_members(snapshot_id: UUID, query: Values) -> Answer:
    """A line for each member and chapter; they add up to the snapshot, or to the figure that is asked for."""
    _row(snapshot_id)
    found = snapshot_lists.lines(snapshot_id, _place(), _wanted(query))
    if "cursor" in query:
        found = found.where(SnapshotLine.id < query["cursor"])
    rows = db.session.execute(found.order_by(SnapshotLine.id.desc()).limit(size_of(query) + 1)).all()
    return paged(rows, query, LINE.tell)


@operations.get(
    _SNAPSHOT + "comparison/<uuid:other_id>/",
    summary="Compare two snapshots",
    topic=TOPIC,
    gives=COMPARISON,
    query=CHANGE_FILTERS,
    allowed=STAFF,
)
def compare_snapshots(snapshot_id: UUID, other_id: UUID, query: Values) -> Answer:
    """From the earlier day to the later one: by chapter, and a page of the members whose debt changed."""
    place = _place()
    both = [_row(snapshot_id), _row(other_id)]
    before, after = sorted(both, key=lambda one: (one.as_of, one.id))
    chapters = snapshot_reading.chapters_compared(before.id, after.id, place).order_by("name")
    each = snapshot_lists.changes(before.id, after.id, place, _wanted(query)).subquery("each")
    found = select(each).order_by(each.c.id.desc()).limit(size_of(query) + 1)
    members = db.session.execute(found.where(each.c.id < query["cursor"]) if "cursor" in query else found)
    return COMPARISON.tell(
        None,
        before_id=before.id,
        after_id=after.id,
        before_as_of=before.as_of,
        after_as_of=after.as_of,
        currency=g.organization.currency,
        before=int(before.owed),
        after=int(after.owed),
        change=int(after.owed - before.owed),
        chapters=[CHAPTER_CHANGE.tell(one, **_changed(one)) for one in db.session.execute(chapters)],
        **paged(members.all(), query, lambda one: MEMBER_CHANGE.tell(one, **_changed(one))),
    )


def _place() -> Place:
    return Place(bearer.own_chapter())


def _wanted(query: Values) -> Wanted:
    place = Place(query.get("chapter"), query.get("pledge_class"))
    return Wanted(query.get("amount", "owed"), place, query.get("q", ""))


def _row(snapshot_id: UUID) -> Any:
    row = snapshot_reading.one(snapshot_id, _place())
    if row is None:
        raise NotFound
    return row


def _told(row: Any) -> dict[str, Any]:
    return SNAPSHOT.tell(row, **_facts(row))


def _facts(row: Any) -> dict[str, Any]:
    return {"nightly": row.taken_by_id is None, "currency": g.organization.currency, **_whole(row)}


def _whole(row: Any) -> dict[str, int]:
    return {name: int(getattr(row, name)) for name in AMOUNTS}


def _changed(row: Any) -> dict[str, int]:
    return {name: int(getattr(row, name)) for name in _CHANGE}
