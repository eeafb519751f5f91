"""Who gets a statement of some days: everybody, who owes something, or whose account moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from webapp.core.db import new_id
from webapp.core.errors import Invalid
from webapp.domain.bulk_actions import choosing
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkKind, Terms
from webapp.domain.organizations import Login, Member, Organization
from webapp.domain.reporting.statement_events import Account, events


class Readers(StrEnum):
    """`moved`: whose account had an event in these days."""

    EVERYBODY = "everybody"
    OWING = "owing"
    MOVED = "moved"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Readers.EVERYBODY: "Everybody",
    Readers.OWING: "Who owes something at the end",
    Readers.MOVED: "Whose account moved in these days",
}


@dataclass(frozen=True)
class Wanted:
    """Without `chapter_ids`, of all chapters."""

    since: date
    until: date
    readers: Readers = Readers.OWING
    chapter_ids: Sequence[UUID] = ()


def choose(wanted: Wanted, organization: Organization, *, chapter_id: UUID | None, by: Login) -> BulkAction:
    """Fix who it is about; nothing is sent yet. `chapter_id` is the one whose treasurer asks."""
    if wanted.since > wanted.until:
        raise Invalid(fields={"since": "The first day is after the last."})
    if wanted.until > organization.today:
        raise Invalid(fields={"until": "Enter today or a day before: nobody knows what will happen."})
    action = BulkAction(
        id=new_id(),
        kind=BulkKind.MAIL_STATEMENTS,
        chapter_id=chapter_id,
        terms=Terms(since=wanted.since, until=wanted.until).facts,
        requested_by_id=by.id,
    )
    if not choosing.write_down(action, _ids(wanted, organization, chapter_id), organization):
        raise Invalid("Nobody has such a statement. Choose other days, or more members.")
    return action


def _ids(wanted: Wanted, organization: Organization, chapter_id: UUID | None) -> Select[Any]:
    """By name, so that it is the same ones each time where they are too many."""
    happened = events(Account(chapter_id=chapter_id)).subquery("events")
    sums = (
        select(
            happened.c.member_id,
            func.sum(happened.c.amount).label("owed"),
            func.count().filter(happened.c.dated >= wanted.since).label("moved"),
        )
        .where(happened.c.dated <= wanted.until)
        .group_by(happened.c.member_id)
        .subquery("sums")
    )
    chapters = [chapter_id] if chapter_id else list(wanted.chapter_ids)
    conditions = [Member.organization_id == organization.id, _readers(wanted, sums.c)]
    if chapters:
        conditions.append(Member.chapter_id.in_(chapters))
    found = select(Member.id).outerjoin(sums, sums.c.member_id == Member.id).where(*conditions)
    return found.order_by(Member.last_name, Member.first_name, Member.id)


def _readers(wanted: Wanted, sums: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
    """Everybody is who was a member in these days, and who owes or holds something, or did."""
    owed: ColumnElement[int] = sums.owed
    moved: ColumnElement[int] = sums.moved
    match wanted.readers:
        case Readers.OWING:
            return owed > 0
        case Readers.MOVED:
            return moved > 0
        case Readers.EVERYBODY:
            in_time = and_(
                func.coalesce(Member.joined_on, wanted.until) <= wanted.until,
                func.coalesce(Member.left_on, wanted.since) >= wanted.since,
            )
            return or_(in_time, owed != 0, moved > 0)
