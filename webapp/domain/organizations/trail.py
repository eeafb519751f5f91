"""Reading the audit trail: who did what, to which thing, between which days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Select

from webapp.core import clock
from webapp.core.audit import AuditEntry
from webapp.core.db import db
from webapp.domain.organizations.organization import Organization


@dataclass(frozen=True)
class Wanted:
    """`person` and `action` may be a part; `subject` is the id of one thing, `kind` what sort of thing."""

    person: str = ""
    action: str = ""
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
        found = found.where(AuditEntry.action.icontains(wanted.action.replace(" ", "_"), autoescape=True))
    if wanted.kind:
        found = found.where(AuditEntry.subject_kind == wanted.kind)
    if wanted.subject:
        found = found.where(AuditEntry.subject_id == wanted.subject)
    if wanted.since:
        found = found.where(AuditEntry.at >= _midnight(wanted.since, organization))
    if wanted.until:
        found = found.where(AuditEntry.at < _midnight(wanted.until + timedelta(days=1), organization))
    return found


def page(
    organization: Organization, wanted: Wanted, *, after: UUID | None, size: int
) -> Sequence[AuditEntry]:
    """So many of them, older than the entry with this id."""
    found = entries(organization, wanted).limit(size)
    if after is not None:
        found = found.where(AuditEntry.id < after)
    return db.session.scalars(found).all()


def _midnight(day: date, organization: Organization) -> datetime:
    return datetime.combine(day, time(), clock.zone(organization.timezone))
