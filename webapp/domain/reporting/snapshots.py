"""What was owed at the end of a day, as it was known when it was written down: never changed afterwards.

A snapshot has a line for each member and chapter, with what is owed by age and what of it are dues; and the
pledge class the member was in. One is written every night, and whenever somebody asks for one.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    Subquery,
    Uuid,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, tenancy
from webapp.core.bulk import fill, working_table
from webapp.core.db import Base, OrganizationRow, db, new_id, references, references_organization
from webapp.core.errors import Invalid
from webapp.domain.billing.ids import new_ids
from webapp.domain.billing.schedules import AssessmentSchedule, ScheduleKind
from webapp.domain.organizations import Login, Member, Organization
from webapp.domain.reporting import receivables
from webapp.domain.reporting.aging import NAMES, bucket_of
from webapp.domain.reporting.receivables import in_class

AMOUNTS = ("owed", "dues", *NAMES)


class Owed:
    """In minor units: all that is owed, what of it are regular dues, and all of it by age."""

    owed: Mapped[int]
    dues: Mapped[int]
    current: Mapped[int]
    days_1_30: Mapped[int]
    days_31_60: Mapped[int]
    days_61_90: Mapped[int]
    over_90: Mapped[int]


class Snapshot(Owed, OrganizationRow, Base):
    """At the end of `as_of`. Whoever asked for it is `taken_by`; nobody did for the nightly one."""

    __tablename__ = "snapshots"

    as_of: Mapped[date]
    members: Mapped[int]
    taken_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    taken_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references_organization(),
        Index("ix_snapshots_as_of", "organization_id", "as_of"),
        Index(
            "uq_snapshots_nightly",
            "organization_id",
            "as_of",
            unique=True,
            postgresql_where="taken_by_id IS NULL",
        ),
    )


class SnapshotLine(Owed, OrganizationRow, Base):
    """What one member owes in one chapter."""

    __tablename__ = "snapshot_lines"

    snapshot_id: Mapped[UUID]
    member_id: Mapped[UUID]
    chapter_id: Mapped[UUID]
    pledge_class_id: Mapped[UUID | None]
    invoices: Mapped[int]

    __table_args__ = (
        references("snapshots", "snapshot_id"),
        references("members", "member_id"),
        references("chapters", "chapter_id"),
        references("pledge_classes", "pledge_class_id"),
        Index("ix_snapshot_lines_chapter", "organization_id", "snapshot_id", "chapter_id", "member_id"),
    )


LINES = working_table(
    "lines_of_this_snapshot",
    Column("member_id", Uuid()),
    Column("chapter_id", Uuid()),
    Column("pledge_class_id", Uuid()),
    Column("invoices", BigInteger()),
    *(Column(name, BigInteger()) for name in AMOUNTS),
)


@dataclass(frozen=True)
class Place:
    """Where one looks: everywhere, or in one chapter or pledge class."""

    chapter_id: UUID | None = None
    pledge_class_id: UUID | None = None

    def of(self, line: Any) -> list[ColumnElement[bool]]:
        found = [line.chapter_id == self.chapter_id] if self.chapter_id else []
        its_class = self.pledge_class_id
        return [*found, in_class(line.pledge_class_id, its_class)] if its_class else found


def take(organization: Organization, as_of: date, *, by: Login) -> Snapshot:
    """Of that day, as the documents tell it now."""
    if as_of > organization.today:
        raise Invalid(fields={"as_of": "Enter today or a day before: nobody knows what will be owed."})
    taken = _write(as_of, by)
    audit.record("snapshot taken", taken, by=by, after={"as_of": as_of.isoformat(), "owed": taken.owed})
    return taken


def take_nightly(day: date) -> Snapshot | None:
    """Of the day before, which is over; None when it was taken already."""
    as_of = day - timedelta(days=1)
    if Snapshot.here().first(Snapshot.as_of == as_of, Snapshot.taken_by_id.is_(None)) is not None:
        return None
    return _write(as_of, None)


def lines_at(as_of: date) -> Select[Any]:
    """What the lines of a snapshot of that day are, as the documents tell it now."""
    owed = receivables.owed_at(as_of).subquery("owed")
    here = tenancy.organization_id()
    is_dues = AssessmentSchedule.kind == ScheduleKind.REGULAR_DUES
    sums = [func.sum(owed.c.owed), func.sum(case((is_dues, owed.c.owed), else_=0)), *_by_age(owed, as_of)]
    amounts = [cast(one, BigInteger()).label(name) for one, name in zip(sums, AMOUNTS, strict=True)]
    schedule = and_(AssessmentSchedule.organization_id == here, AssessmentSchedule.id == owed.c.schedule_id)
    whose = owed.c.member_id, owed.c.chapter_id, Member.pledge_class_id
    return (
        select(*whose, func.count().label("invoices"), *amounts)
        .join(Member, and_(Member.organization_id == here, Member.id == owed.c.member_id))
        .join(AssessmentSchedule, schedule)
        .group_by(*whose)
    )


def _by_age(owed: Subquery, as_of: date) -> list[ColumnElement[int]]:
    age = bucket_of(as_of, owed.c.due_on)
    return [func.sum(case((age == number, owed.c.owed), else_=0)) for number in range(len(NAMES))]


def _write(as_of: date, by: Login | None) -> Snapshot:
    names = [column.name for column in LINES.c]
    fill(LINES, names, lines_at(as_of))
    sums = [func.coalesce(func.sum(LINES.c[name]), 0) for name in AMOUNTS]
    members, *amounts = db.session.execute(select(func.count(LINES.c.member_id.distinct()), *sums)).one()
    taken = Snapshot(id=new_id(), as_of=as_of, members=members, taken_by_id=by.id if by else None)
    for name, amount in zip(AMOUNTS, amounts, strict=True):
        setattr(taken, name, int(amount))
    db.session.add(taken)
    db.session.flush()
    line = {
        "organization_id": literal(tenancy.organization_id()),
        "id": new_ids(),
        "snapshot_id": literal(taken.id),
        **{name: LINES.c[name] for name in names},
    }
    rows = select(*line.values()).select_from(LINES)
    db.session.connection().execute(insert(SnapshotLine).from_select(list(line), rows))
    return taken
