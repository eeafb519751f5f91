"""Reading the audit trail: who did what, to which thing, between which days."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, cast, func, or_, select

from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db
from webapp.domain.organizations import Organization


@dataclass(frozen=True)
class Wanted:
    """`person`, `action` and `text` may be a part; `subject` is the id of one thing, `kind` its sort."""

    person: str = ""
    action: str = ""
    text: str = ""
    kind: str = ""
    subject: UUID | None = None
    since: date | None = None
    until: date | None = None


def entries(organization: Organization, wanted: Wanted) -> Select[AuditEntry]:
    """The latest first. Days are the organization's own, both included."""
    found = AuditEntry.in_(organization).select().order_by(AuditEntry.id.desc())
    if wanted.person:
        found = found.where(AuditEntry.by_name.icontains(wanted.person, autoescape=True))
    if wanted.action:
        action = func.replace(AuditEntry.action, "_", " ")
        found = found.where(action.icontains(wanted.action.replace("_", " "), autoescape=True))
    if wanted.text:
        found = found.where(or_(*[_holds(column, wanted.text) for column in _READ]))
    if wanted.kind:
        found = found.where(AuditEntry.subject_kind == wanted.kind)
    if wanted.subject:
        found = found.where(AuditEntry.subject_id == wanted.subject)
    if wanted.since:
        found = found.where(AuditEntry.at >= organization.midnight(wanted.since))
    if wanted.until:
        found = found.where(AuditEntry.at < organization.midnight(wanted.until + timedelta(days=1)))
    return found


def page(
    organization: Organization, wanted: Wanted, *, after: UUID | None, size: int
) -> Sequence[AuditEntry]:
    """So many of them, older than the entry with this id."""
    found = entries(organization, wanted).limit(size)
    if after is not None:
        found = found.where(AuditEntry.id < after)
    return db.session.scalars(found).all()


def kinds() -> Sequence[str]:
    """The sorts of things that something is noted about; one step in the index for each."""
    here = AuditEntry.organization_id == tenancy.organization_id()
    first = select(func.min(AuditEntry.subject_kind).label("kind")).where(here)
    found = first.cte("kinds", recursive=True)
    following = (
        select(func.min(AuditEntry.subject_kind))
        .where(here, AuditEntry.subject_kind > found.c.kind)
        .scalar_subquery()
    )
    every = found.union_all(select(following).where(found.c.kind.is_not(None)))
    return db.session.scalars(select(every.c.kind).where(every.c.kind.is_not(None))).all()


def ids_in(rows: Iterable[AuditEntry]) -> set[UUID]:
    """Every thing that these entries speak of."""
    return {one for row in rows for one in (row.subject_id, *_ids(row.before), *_ids(row.after)) if one}


def _ids(facts: dict[str, Any] | None) -> Iterable[UUID]:
    for name, value in (facts or {}).items():
        if name.endswith("_id") and is_id(str(value)):
            yield UUID(value)


def is_id(text: str) -> bool:
    return _AN_ID.fullmatch(text) is not None


_AN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_READ: tuple[Any, ...] = (
    AuditEntry.by_name, AuditEntry.action, AuditEntry.reason, cast(AuditEntry.before, Text),
    cast(AuditEntry.after, Text), AuditEntry.address, AuditEntry.browser, AuditEntry.request_id,
)  # fmt: skip


def _holds(column: Any, text: str) -> Any:
    return column.icontains(text, autoescape=True)
