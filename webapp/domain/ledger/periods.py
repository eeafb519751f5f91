"""Spans of days whose books are closed: nothing may be posted into them any more."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Select, func, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, clock, tenancy
from webapp.core.db import Base, OrganizationRow, db, references_organization
from webapp.core.errors import Conflict
from webapp.domain.organizations import Login


class ClosedSpan(OrganizationRow, Base):
    """First and last day closed, both included, by whom and when; reopening keeps the row."""

    __tablename__ = "closed_spans"

    starts_on: Mapped[date]
    ends_on: Mapped[date]
    closed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    closed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reopened_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    reopened_at: Mapped[datetime | None]

    __table_args__ = (
        references_organization(),
        CheckConstraint("starts_on <= ends_on", "starts_before_it_ends"),
    )

    def reopen(self, *, by: Login | None) -> None:
        """Let entries in again. The row stays, so that it can be seen who closed and who reopened."""
        if self.reopened_at is not None:
            raise Conflict("These books have been reopened already.")
        self.reopened_at = clock.now()
        self.reopened_by_id = by.id if by else None
        audit.record("reopened", self, by=by, after={"from": str(self.starts_on), "to": str(self.ends_on)})


def close_span(starts_on: date, ends_on: date, *, by: Login | None) -> ClosedSpan:
    """Close the books for these days, both included, once everybody who is posting right now is done."""
    db.session.execute(select(func.pg_advisory_xact_lock(_books())))
    span = ClosedSpan(starts_on=starts_on, ends_on=ends_on, closed_by_id=by.id if by else None)
    db.session.add(span)
    db.session.flush()
    audit.record("closed", span, by=by, after={"from": str(starts_on), "to": str(ends_on)})
    return span


def closed_until(on: date) -> Select[date | None]:
    """Selects the last day of the closed span that this day lies in, if it lies in one."""
    return select(func.max(ClosedSpan.ends_on)).where(
        ClosedSpan.organization_id == tenancy.organization_id(),
        ClosedSpan.reopened_at.is_(None),
        ClosedSpan.starts_on <= on,
        ClosedSpan.ends_on >= on,
    )


def hold_open() -> None:
    """Nobody closes a span before this transaction ends. Those who post don't hinder each other."""
    session = db.session()
    holder = session.info.get("books_held_by")
    if holder is None or holder is not session.get_transaction():
        session.execute(select(func.pg_advisory_xact_lock_shared(_books())))
        session.info["books_held_by"] = session.get_transaction()


def _books() -> int:
    """The lock that stands for this organization's books."""
    return int.from_bytes(tenancy.organization_id().bytes[-8:], "big", signed=True)
