"""Spans of days whose books are closed: nothing may be posted into them any more."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references_organization


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
