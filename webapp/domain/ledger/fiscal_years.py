"""Fiscal years: twelve whole months that may begin with any of them, and which of them are closed."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core.db import Base, OrganizationRow, references, references_organization
from webapp.domain.organizations import Login


@dataclass(frozen=True, order=True)
class FiscalYear:
    """First and last day, both included."""

    starts_on: date
    ends_on: date

    @classmethod
    def beginning(cls, year: int, month: int) -> "FiscalYear":
        return cls(date(year, month, 1), date(year + 1, month, 1) - timedelta(days=1))

    @classmethod
    def of(cls, day: date, month: int) -> "FiscalYear":
        """The year that this day lies in, where years begin with this month."""
        return cls.beginning(day.year if day.month >= month else day.year - 1, month)

    @property
    def before(self) -> "FiscalYear":
        return FiscalYear.beginning(self.starts_on.year - 1, self.starts_on.month)

    @property
    def name(self) -> str:
        """`2026`, or `2026–27` where it spans two calendar years."""
        if self.starts_on.year == self.ends_on.year:
            return str(self.starts_on.year)
        return f"{self.starts_on.year}–{self.ends_on.year % 100:02d}"

    def same_day_before(self, day: date) -> date:
        """As far into the year before: its last day for the last day, and 28 February for the 29th."""
        if day == self.ends_on:
            return self.before.ends_on
        last = monthrange(day.year - 1, day.month)[1]
        return date(day.year - 1, day.month, min(day.day, last))


class YearClosing(OrganizationRow, Base):
    """What was earned less what was spent, in minor units, and since no closing had moved to the net assets.

    `reason` is why it was closed though something was still open; opened again, the row stays.
    """

    __tablename__ = "year_closings"

    starts_on: Mapped[date]
    ends_on: Mapped[date]
    result: Mapped[int]
    span_id: Mapped[UUID]
    reason: Mapped[str | None]
    closed_by_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    closed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reopened_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    reopened_at: Mapped[datetime | None]
    reopening_reason: Mapped[str | None]

    closed_by: Mapped[Login] = relationship(foreign_keys=[closed_by_id], viewonly=True, lazy="raise")
    reopened_by: Mapped[Login | None] = relationship(
        foreign_keys=[reopened_by_id], viewonly=True, lazy="raise"
    )

    __table_args__ = (
        references("closed_spans", "span_id"),
        CheckConstraint("starts_on < ends_on", "starts_before_it_ends"),
        CheckConstraint(
            "(reopened_at IS NULL) = (reopening_reason IS NULL)", "reopened_exactly_with_a_reason"
        ),
        Index(
            "uq_year_closings_ends_on",
            "organization_id",
            "ends_on",
            unique=True,
            postgresql_where="reopened_at IS NULL",
        ),
    )

    @property
    def is_closed(self) -> bool:
        return self.reopened_at is None

    @property
    def year(self) -> FiscalYear:
        return FiscalYear(self.starts_on, self.ends_on)


class YearClosingPart(OrganizationRow, Base):
    """What one chapter (null: the national office) brought to the result; its closing entry is about this."""

    __tablename__ = "year_closing_parts"

    closing_id: Mapped[UUID]
    chapter_id: Mapped[UUID | None]
    result: Mapped[int]

    __table_args__ = (
        references_organization(),
        references("year_closings", "closing_id"),
        references("chapters", "chapter_id"),
        Index("ix_year_closing_parts_closing", "organization_id", "closing_id"),
    )
