"""The named spans that dues are charged for."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, Uuid, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, clock, tenancy
from webapp.core.db import Base, OrganizationRow, db, references_organization
from webapp.core.errors import Conflict, Invalid
from webapp.core.statements import shared
from webapp.domain import ledger
from webapp.domain.billing.settings import Cadence, DuesSettings
from webapp.domain.organizations import Login, Organization


class BillingPeriod(OrganizationRow, Base):
    """`code` is its short name: `2026-09`, `2026-Q3`, `2026-fall`, `2026`. Its last day is part of it."""

    __tablename__ = "billing_periods"

    code: Mapped[str]
    name: Mapped[str]
    cadence: Mapped[Cadence]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    due_on: Mapped[date]
    grace_ends_on: Mapped[date]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))

    __table_args__ = (
        references_organization(),
        UniqueConstraint("organization_id", "code"),
        CheckConstraint("starts_on <= ends_on", "starts_before_it_ends"),
        CheckConstraint("due_on <= grace_ends_on", "grace_is_after_due"),
        CheckConstraint("(closed_at IS NULL) = (closed_by_id IS NULL)", "closed_by_somebody"),
    )

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None

    @property
    def days(self) -> int:
        return (self.ends_on - self.starts_on).days + 1

    def problems(self) -> dict[str, str]:
        """What of it makes no sense, by field."""
        found = {}
        if not self.name:
            found["name"] = "Enter a name."
        if self.ends_on < self.starts_on:
            found["ends_on"] = "The last day can't be before the first."
        if self.grace_ends_on < self.due_on:
            found["grace_ends_on"] = "Grace can't end before the due date."
        return found

    def close(self, *, by: Login, on: date) -> None:
        """No more billing runs for it, and no more entries dated inside it. Only once it is over."""
        if self.is_closed:
            raise Conflict(f"{self.name} has been closed already.")
        if self.ends_on >= on:
            raise Conflict(
                f"{self.name} runs until {self.ends_on}. It can be closed the day after,"
                " because today's payments could not be booked into closed books."
            )
        self.closed_at, self.closed_by_id = clock.now(), by.id
        ledger.close_span(self.starts_on, self.ends_on, by=by)
        audit.record("closed", self, by=by, after={"code": self.code})


def hold(period_id: UUID) -> None:
    """Two who bill it or take a run of it back take turns, and it isn't closed meanwhile."""
    db.session.scalars(
        BillingPeriod.here()
        .select(BillingPeriod.id == period_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


@dataclass(frozen=True)
class Span:
    code: str
    name: str
    starts_on: date
    ends_on: date


_QUARTERS = ((1, "Q1"), (4, "Q2"), (7, "Q3"), (10, "Q4"))
_SEMESTERS = ((1, "spring"), (7, "fall"))
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def spans(cadence: Cadence, year: int) -> list[Span]:
    """The year cut into periods without gaps: a spring semester ends in June, a fall semester in December."""
    match cadence:
        case Cadence.MONTHLY:
            return [
                _span(f"{year}-{n:02d}", f"{name} {year}", year, n, 1) for n, name in enumerate(_MONTHS, 1)
            ]
        case Cadence.QUARTERLY:
            return [_span(f"{year}-{name}", f"{name} {year}", year, month, 3) for month, name in _QUARTERS]
        case Cadence.SEMESTER:
            return [
                _span(f"{year}-{name}", f"{name.capitalize()} {year}", year, month, 6)
                for month, name in _SEMESTERS
            ]
        case Cadence.ANNUAL:
            return [_span(f"{year}", f"{year}", year, 1, 12)]
        case Cadence.CUSTOM:
            raise Invalid(
                "These dues have no regular cadence. Make each period by hand, or choose a cadence first."
            )


def _span(code: str, name: str, year: int, month: int, months: int) -> Span:
    first = date(year, month, 1)
    return Span(code, name, first, clock.month_end(clock.add_months(first, months - 1)))


_NAMES = shared(
    select(BillingPeriod.code, BillingPeriod.name)
    .where(BillingPeriod.organization_id == bindparam("organization", type_=Uuid()))
    .order_by(BillingPeriod.starts_on.desc())
)


def names() -> dict[str, str]:
    """Every period's name by its code, the latest first: what lists offer to choose from."""
    rows = db.session.execute(_NAMES, {"organization": tenancy.organization_id()})
    return {code: name for code, name in rows}


def generate(organization: Organization, year: int, *, by: Login | None) -> list[BillingPeriod]:
    """Make the periods of a whole year that are missing, by the organization's cadence. Those made."""
    if not 1990 <= year <= 2200:
        raise Invalid(fields={"year": "Enter a year with four digits, such as 2026."})
    settings = DuesSettings.of(organization)
    rows = []
    for span in spans(settings.cadence, year):
        due_on = span.starts_on + timedelta(days=settings.due_after_days)
        rows.append(
            {
                "organization_id": tenancy.organization_id(),
                "code": span.code,
                "name": span.name,
                "cadence": settings.cadence,
                "starts_on": span.starts_on,
                "ends_on": span.ends_on,
                "due_on": due_on,
                "grace_ends_on": due_on + timedelta(days=settings.grace_days),
            }
        )
    statement = insert(BillingPeriod).on_conflict_do_nothing().returning(BillingPeriod)
    made = sorted(db.session.scalars(statement, rows), key=lambda period: period.starts_on)
    for period in made:
        audit.record("made", period, by=by, after={"code": period.code})
    return made


def add(
    *,
    code: str,
    name: str,
    starts_on: date,
    ends_on: date,
    due_on: date,
    grace_ends_on: date | None = None,
    by: Login | None,
) -> BillingPeriod:
    """A period of one's own, such as a conference or a construction year."""
    code = code.strip()
    period = BillingPeriod(
        code=code,
        name=name.strip(),
        cadence=Cadence.CUSTOM,
        starts_on=starts_on,
        ends_on=ends_on,
        due_on=due_on,
        grace_ends_on=grace_ends_on or due_on,
    )
    problems = period.problems()
    if not re.fullmatch(r"[\w.-]{1,30}", code):
        problems["code"] = "Use letters, digits, points and dashes, at most 30."
    elif BillingPeriod.here().first(BillingPeriod.code == code):
        problems["code"] = f"There is a period {code} already."
    if problems:
        raise Invalid(fields=problems)
    db.session.add(period)
    db.session.flush()
    audit.record("made", period, by=by, after={"code": code})
    return period
