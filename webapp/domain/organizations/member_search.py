"""Finding members: the list behind the pages, its CSV and the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.member import Member, MemberStatus, PledgeClass

_BEGINNING = date(1, 1, 1)
SORTS: dict[str, list[Any]] = {
    "name": [func.lower(Member.last_name), func.lower(Member.first_name)],
    "number": [Member.number],
    "chapter": [Chapter.code, func.lower(Member.last_name)],
    "joined": [func.coalesce(Member.joined_on, _BEGINNING)],
}


@dataclass(frozen=True)
class MemberFilter:
    """`here` is `now` for members who have not left, `left` for those who have."""

    q: str = ""
    chapter_id: UUID | None = None
    status: str = ""
    here: str = ""


def find(
    wanted: MemberFilter, *, on: date, sort: str = "name", after: UUID | None = None, limit: int | None = None
) -> Sequence[Any]:
    """One row more than `limit`, so that the caller knows whether there is a next page."""
    falling = sort.startswith("-")
    keys = [*SORTS.get(sort.removeprefix("-"), SORTS["name"]), Member.id]
    statement = _select(keys).where(*_conditions(wanted, on))
    if after is not None:
        statement = statement.where(_beyond(keys, after, falling=falling))
    statement = statement.order_by(*(key.desc() if falling else key for key in keys))
    if limit is not None:
        statement = statement.limit(limit + 1)
    return db.session.execute(statement.execution_options(yield_per=1000)).all()


def _select(keys: Sequence[Any]) -> Select[Any]:
    own = Member.organization_id
    columns: list[Any] = [
        Member.id, Member.number, Member.first_name, Member.last_name, Member.email, Member.phone,
        Member.joined_on, Member.left_on, Member.ownership_share, Member.payroll_deduction,
        Chapter.code.label("chapter_code"), Chapter.name.label("chapter"),
        MemberStatus.code.label("status_code"), MemberStatus.label.label("status"), MemberStatus.billable,
        PledgeClass.name.label("pledge_class"),
    ]  # fmt: skip
    return (
        select(*columns)
        .join(Chapter, and_(Chapter.organization_id == own, Chapter.id == Member.chapter_id))
        .join(MemberStatus, and_(MemberStatus.organization_id == own, MemberStatus.id == Member.status_id))
        .outerjoin(
            PledgeClass, and_(PledgeClass.organization_id == own, PledgeClass.id == Member.pledge_class_id)
        )
        .where(own == tenancy.organization_id())
    )


def _conditions(wanted: MemberFilter, on: date) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.chapter_id:
        found.append(Member.chapter_id == wanted.chapter_id)
    if wanted.status:
        found.append(MemberStatus.code == wanted.status)
    if wanted.here == "now":
        found.append(or_(Member.left_on.is_(None), Member.left_on >= on))
    elif wanted.here == "left":
        found.append(Member.left_on < on)
    return [*found, *named(wanted.q)]


def named(q: str) -> list[ColumnElement[bool]]:
    """Members who have each of its words in their name, number or email address."""
    texts = (Member.first_name, Member.last_name, Member.number, Member.email)
    words = q.replace(",", " ").split()
    return [or_(*(text.icontains(word, autoescape=True) for text in texts)) for word in words]


def _beyond(keys: Sequence[Any], after: UUID, *, falling: bool) -> ColumnElement[bool]:
    """After that member in this order; a member who is gone from the list starts it again."""
    statement = (
        select(*keys)
        .join(
            Chapter,
            and_(Chapter.organization_id == Member.organization_id, Chapter.id == Member.chapter_id),
        )
        .where(Member.organization_id == tenancy.organization_id(), Member.id == after)
    )
    last = db.session.execute(statement).first()
    if last is None:
        return literal(True)
    here, there = tuple_(*keys), tuple_(*(literal(value) for value in last))
    return here < there if falling else here > there
