"""Snapshots as pages and programs read them: listed, added up, and two of them compared."""

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, and_, case, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.organizations import Chapter, Member, PledgeClass
from webapp.domain.reporting.snapshots import AMOUNTS, Place, Snapshot, SnapshotLine


def listed(place: Place) -> Select[Any]:
    """id, as_of, taken_at, taken_by_id, members and the amounts, all of them in that place."""
    about = Snapshot.id, Snapshot.as_of, Snapshot.taken_at, Snapshot.taken_by_id
    here = Snapshot.organization_id == tenancy.organization_id()
    if place == Place():
        return select(*about, Snapshot.members, *(getattr(Snapshot, name) for name in AMOUNTS)).where(here)
    line = SnapshotLine
    its = and_(line.organization_id == Snapshot.organization_id, line.snapshot_id == Snapshot.id)
    members = func.count(line.member_id.distinct()).label("members")
    found = select(*about, members, *_sums()).outerjoin(line, and_(its, *place.of(line))).where(here)
    return found.group_by(Snapshot.organization_id, Snapshot.id)


def by_chapter(snapshot_id: UUID, place: Place) -> Select[Any]:
    """id, code, name, members and the amounts of each chapter."""
    return _by(Chapter, SnapshotLine.chapter_id, snapshot_id, place).add_columns(Chapter.code)


def by_pledge_class(snapshot_id: UUID, place: Place) -> Select[Any]:
    """id, name, members and the amounts of each pledge class; members without one are left out."""
    grouped = _by(PledgeClass, SnapshotLine.pledge_class_id, snapshot_id, place)
    same = and_(Chapter.organization_id == PledgeClass.organization_id, Chapter.id == PledgeClass.chapter_id)
    return grouped.add_columns(Chapter.name.label("chapter")).join(Chapter, same).group_by(Chapter.name)


def by_member(snapshot_id: UUID, place: Place) -> Select[Any]:
    """The lines: id, member_id, number, first_name, last_name, chapter, invoices and the amounts."""
    line = SnapshotLine
    amounts = [getattr(line, name) for name in AMOUNTS]
    return _named(select(line.id, line.member_id, *_NAMES, line.invoices, *amounts)).where(
        line.organization_id == tenancy.organization_id(), line.snapshot_id == snapshot_id, *place.of(line)
    )


def chapters_compared(before: UUID, after: UUID, place: Place) -> Select[Any]:
    """id, name, before, after and change of each chapter in one of the two."""
    same = and_(
        Chapter.organization_id == SnapshotLine.organization_id, Chapter.id == SnapshotLine.chapter_id
    )
    found = select(Chapter.id, Chapter.name, *_both(before, after)).join(Chapter, same)
    return found.where(*_of_either(before, after, place)).group_by(Chapter.id, Chapter.name)


def members_compared(before: UUID, after: UUID, place: Place) -> Select[Any]:
    """id, member_id, number, first_name, last_name, chapter, before, after and change of each member whose
    changed in a chapter; the id is of the earliest line about that."""
    old, new, change = _both(before, after)
    line_ids = func.array_agg(aggregate_order_by(SnapshotLine.id, SnapshotLine.id), type_=ARRAY(Uuid))
    about = line_ids[1].label("id"), Member.id.label("member_id")
    found = _named(select(*about, *_NAMES, old, new, change)).where(*_of_either(before, after, place))
    names = Member.id, Member.number, Member.first_name, Member.last_name, Chapter.name
    return found.group_by(*names).having(change.element != 0)


def _by(
    kind: type[Chapter] | type[PledgeClass],
    column: InstrumentedAttribute[Any],
    snapshot_id: UUID,
    place: Place,
) -> Select[Any]:
    line = SnapshotLine
    same = and_(kind.organization_id == line.organization_id, kind.id == column)
    members = func.count(line.member_id.distinct()).label("members")
    return (
        select(kind.id, kind.name, members, *_sums())
        .join(kind, same)
        .where(
            line.organization_id == tenancy.organization_id(),
            line.snapshot_id == snapshot_id,
            *place.of(line),
        )
        .group_by(kind.organization_id, kind.id)
    )


_NAMES = (Member.number, Member.first_name, Member.last_name, Chapter.name.label("chapter"))


def _named(found: Select[Any]) -> Select[Any]:
    here = SnapshotLine.organization_id
    return found.join(Member, and_(Member.organization_id == here, Member.id == SnapshotLine.member_id)).join(
        Chapter, and_(Chapter.organization_id == here, Chapter.id == SnapshotLine.chapter_id)
    )


def _sums() -> list[ColumnElement[Any]]:
    return [func.coalesce(func.sum(getattr(SnapshotLine, name)), 0).label(name) for name in AMOUNTS]


def _of_either(before: UUID, after: UUID, place: Place) -> list[ColumnElement[bool]]:
    line = SnapshotLine
    here = line.organization_id == tenancy.organization_id()
    return [here, line.snapshot_id.in_([before, after]), *place.of(line)]


def _both(before: UUID, after: UUID) -> tuple[Any, Any, Any]:
    line = SnapshotLine
    old, new = (func.sum(case((line.snapshot_id == one, line.owed), else_=0)) for one in (before, after))
    return old.label("before"), new.label("after"), (new - old).label("change")


def one(snapshot_id: UUID, place: Place) -> Any:
    """The row of `listed`; None where this organization has no such snapshot."""
    return db.session.execute(listed(place).where(Snapshot.id == snapshot_id)).first()
