"""The audit trail: who did what to which thing, what it was before and after, when and from where."""

from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import writing
from webapp.core.db import Base, OrganizationRow, db, keep_even_if_refused, references_organization


class Person(Protocol):
    """Whoever acts: a login, also the one behind an API token."""

    @property
    def id(self) -> Any: ...
    @property
    def name(self) -> Any: ...


class AuditEntry(OrganizationRow, Base):
    """Append-only: the database refuses to change or delete it."""

    __tablename__ = "audit_entries"

    at: Mapped[datetime] = mapped_column(server_default=func.now())
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    reason: Mapped[str | None]
    address: Mapped[str | None]
    browser: Mapped[str | None]
    token_id: Mapped[UUID | None]
    request_id: Mapped[str | None]

    __table_args__ = (
        references_organization(),
        Index("ix_audit_entries_subject", "organization_id", "subject_kind", "subject_id", "id"),
        Index("ix_audit_entries_at", "organization_id", "at"),
    )


@dataclass(frozen=True)
class Origin:
    """Where a request came from: its network address, what browser or program it said it was, the API
    token it brought, and its id in the logs."""

    address: str | None = None
    browser: str | None = None
    token_id: UUID | None = None
    request_id: str | None = None


_NOWHERE = Origin()
origin: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


def came_with(token_id: UUID) -> None:
    """The request at hand speaks through this API token."""
    origin.set(replace(origin.get(), token_id=token_id))


def record(
    action: str,
    subject: Any,
    *,
    by: Person | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Note it in this transaction. `by=None` means that Duesbook did it by itself (a schedule, a webhook)."""
    writing.note(AuditEntry, **_entry(action, subject, by, before=before, after=after, reason=reason))


def record_refusal(action: str, subject: Any, *, by: Person, reason: str) -> None:
    """Note what was tried in vain. It stays when this transaction is given up, and only then."""
    keep_even_if_refused(db.session(), AuditEntry(**_entry(action, subject, by, reason=reason)))


def _entry(action: str, subject: Any, by: Person | None, **facts: Any) -> dict[str, Any]:
    came_from = origin.get()
    return {
        "by_id": by.id if by else None,
        "by_name": by.name if by else "Duesbook",
        "action": action,
        "subject_kind": subject.__tablename__,
        "subject_id": subject.id,
        "address": came_from.address,
        "browser": came_from.browser,
        "token_id": came_from.token_id,
        "request_id": came_from.request_id,
        **facts,
    }


def last_change_of(subject: Any) -> AuditEntry | None:
    """The newest entry about this row."""
    about = AuditEntry.subject_kind == subject.__tablename__, AuditEntry.subject_id == subject.id
    newest = AuditEntry.here().select(*about).order_by(AuditEntry.id.desc()).limit(1)
    return db.session.scalars(newest).first()
