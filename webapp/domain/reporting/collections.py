"""What came in, against what was billed."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select

from webapp.core import clock, tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice, InvoiceStatus
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.payments.payment import Payment, PaymentState


@dataclass(frozen=True)
class Collected:
    """Of one period: sums in minor units, and how many invoices are behind them."""

    billed: int
    collected: int
    outstanding: int
    overdue: int
    invoices: int
    open_invoices: int
    overdue_invoices: int

    @property
    def rate(self) -> float:
        """The part of what was billed that came in, 0 to 1."""
        return self.collected / self.billed if self.billed else 0.0


def current_period(on: date) -> BillingPeriod | None:
    """The period that was billed last: the one the homes speak of."""
    return db.session.scalars(
        select(BillingPeriod)
        .where(
            BillingPeriod.organization_id == tenancy.organization_id(),
            BillingPeriod.starts_on <= on,
            select(Invoice.id)
            .where(
                Invoice.organization_id == BillingPeriod.organization_id,
                Invoice.period_id == BillingPeriod.id,
            )
            .exists(),
        )
        .order_by(BillingPeriod.starts_on.desc())
        .limit(1)
    ).first()


def of_period(period_id: UUID, *, chapter_id: UUID | None = None) -> Collected:
    return _collected(*_of(period_id, chapter_id))[None]


def of_period_by_chapter(period_id: UUID) -> dict[UUID | None, Collected]:
    """Chapter id to its figures."""
    return _collected(*_of(period_id, None), by_chapter=True)


def _of(period_id: UUID, chapter_id: UUID | None) -> tuple[ColumnElement[bool], ...]:
    conditions = [
        Invoice.organization_id == tenancy.organization_id(),
        Invoice.period_id == period_id,
        Invoice.status != InvoiceStatus.VOID,
    ]
    return (*conditions, Invoice.chapter_id == chapter_id) if chapter_id else tuple(conditions)


def _collected(*conditions: ColumnElement[bool], by_chapter: bool = False) -> dict[UUID | None, Collected]:
    late = Invoice.status == InvoiceStatus.OVERDUE
    open_ = Invoice.owed > 0
    columns = (
        func.coalesce(func.sum(Invoice.billed - Invoice.adjusted), 0),
        func.coalesce(func.sum(Invoice.paid), 0),
        func.coalesce(func.sum(Invoice.owed), 0),
        func.coalesce(func.sum(Invoice.owed).filter(late), 0),
        func.count(),
        func.count().filter(open_),
        func.count().filter(and_(open_, late)),
    )
    if by_chapter:
        grouped = select(Invoice.chapter_id, *columns).where(*conditions).group_by(Invoice.chapter_id)
        return {row[0]: Collected(*map(int, row[1:])) for row in db.session.execute(grouped)}
    row = db.session.execute(select(*columns).where(*conditions)).one()
    return {None: Collected(*map(int, row))}


def by_month(on: date, *, chapter_id: UUID | None = None, months: int = 12) -> list[tuple[date, int]]:
    """First day of each of the last months, this one last, and what came in during it."""
    first = clock.add_months(on.replace(day=1), 1 - months)
    month = func.date_trunc("month", Payment.received_on)
    statement = (
        select(month, func.sum(Payment.amount))
        .where(
            Payment.organization_id == tenancy.organization_id(),
            Payment.state == PaymentState.SUCCEEDED,
            Payment.received_on >= first,
        )
        .group_by(month)
    )
    if chapter_id:
        statement = statement.where(Payment.chapter_id == chapter_id)
    found = {row[0].date(): int(row[1]) for row in db.session.execute(statement)}
    starts = [clock.add_months(first, index) for index in range(months)]
    return [(start, found.get(start, 0)) for start in starts]
