"""Spans of days whose books are closed: nothing may be posted into them any more."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Select, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import audit, clock, tenancy
from webapp.core.db import Base, OrganizationRow, db, references_organization
from webapp.core.errors import Conflict, Invalid
from webapp.domain.ledger import books
from webapp.domain.ledger.fiscal_years import YearClosing
from webapp.domain.organizations import Login

BEGINNING = date(1900, 1, 1)


class ClosedSpan(OrganizationRow, Base):
    """First and last day closed, both included, by whom and when; reopening keeps the row."""

    __tablename__ = "closed_spans"

    starts_on: Mapped[date]
    ends_on: Mapped[date]
    closed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    closed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reopened_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    reopened_at: Mapped[datetime | None]

    closed_by: Mapped[Login | None] = relationship(foreign_keys=[closed_by_id], viewonly=True, lazy="raise")
    reopened_by: Mapped[Login | None] = relationship(
        foreign_keys=[reopened_by_id], viewonly=True, lazy="raise"
    )

    __table_args__ = (
        references_organization(),
        CheckConstraint("starts_on <= ends_on", "starts_before_it_ends"),
    )

    @property
    def is_closed(self) -> bool:
        return self.reopened_at is None

    @property
    def is_from_the_beginning(self) -> bool:
        return self.starts_on == BEGINNING

    def reopen(self, *, by: Login | None, reason: str) -> None:
        """Let entries in again. The row stays, so that it can be seen who closed and who reopened."""
        if not self.is_closed:
            raise Conflict("These books have been reopened already.")
        if not reason.strip():
            raise Invalid(fields={"reason": "Say why the books are opened again."})
        if YearClosing.here().first(YearClosing.span_id == self.id, YearClosing.reopened_at.is_(None)):
            raise Conflict(
                "These days are closed with their fiscal year.",
                next_step="Open the fiscal year again; that takes its closing entries back.",
            )
        books.forget()
        self.reopened_at = clock.now()
        self.reopened_by_id = by.id if by else None
        after = {"from": str(self.starts_on), "to": str(self.ends_on)}
        audit.record("reopened", self, by=by, after=after, reason=reason.strip())


def close_span(starts_on: date, ends_on: date, *, by: Login | None) -> ClosedSpan:
    """Close the books for these days, both included, once everybody who is posting right now is done."""
    hold_alone()
    span = ClosedSpan(starts_on=starts_on, ends_on=ends_on, closed_by_id=by.id if by else None)
    db.session.add(span)
    db.session.flush()
    audit.record("closed", span, by=by, after={"from": str(starts_on), "to": str(ends_on)})
    return span


def close_through(day: date, *, by: Login, today: date) -> ClosedSpan:
    """Close everything up to this day. Today stays open, for today's payments have to be booked."""
    if day >= today:
        raise Invalid(fields={"day": "Choose a day that is over. Today's payments have to be booked today."})
    if day < BEGINNING:
        raise Invalid(fields={"day": f"There are no books before {BEGINNING}."})
    return close_span(BEGINNING, day, by=by)


def closed_through(on: date) -> date | None:
    """The last day of the closed books that this day lies in; None when it may be posted on this day."""
    last: date | None = db.session.scalar(closed_until(on))
    return last


def closed_until(on: date) -> Select[date | None]:
    """Selects the last day of the closed span that this day lies in, if it lies in one."""
    return select(func.max(ClosedSpan.ends_on)).where(
        ClosedSpan.organization_id == tenancy.organization_id(),
        ClosedSpan.reopened_at.is_(None),
        ClosedSpan.starts_on <= on,
        ClosedSpan.ends_on >= on,
    )


def hold_alone() -> None:
    """Whoever is posting is waited for, and nobody else posts before this transaction ends."""
    db.session.execute(select(func.pg_advisory_xact_lock(_lock())))
    books.forget()


def hold_open() -> None:
    """Nobody closes a span before this transaction ends. Those who post don't hinder each other."""
    session, holder = db.session(), books.holder()
    if session.info.get("books_held_by") is not holder:
        tenancy.share_lock(session.connection(), _lock())
        session.info["books_held_by"] = holder


def _lock() -> int:
    """The one that stands for this organization's books."""
    return int.from_bytes(tenancy.organization_id().bytes[-8:], "big", signed=True)
