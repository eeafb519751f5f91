"""The billing period that was billed last, and what came in of it: what the homes speak of."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import Chapter


@dataclass(frozen=True)
class Collected:
    """Of one period: sums in minor units, and how many invoices are behind them."""

    billed: int = 0
    collected: int = 0
    outstanding: int = 0
    overdue: int = 0
    invoices: int = 0
    open_invoices: int = 0
    overdue_invoices: int = 0

    def __add__(self, other: "Collected") -> "Collected":
        return Collected(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    @property
    def rate(self) -> float:
        """The part of what was billed that came in, 0 to 1."""
        return self.collected / self.billed if self.billed else 0.0


@dataclass(frozen=True)
class Billed:
    """The period that was billed last, which the homes speak of, with its figures."""

    period: BillingPeriod
    figures: Collected
    by_chapter: dict[Chapter, Collected] = field(default_factory=dict)


def of_chapter(on: date, chapter_id: UUID) -> Billed | None:
    """The last period in one chapter; None when nothing was billed anywhere."""
    here = Invoice.chapter_id == chapter_id
    statement = _last_billed(on, here).group_by(BillingPeriod.organization_id, BillingPeriod.id)
    row = db.session.execute(statement).first()
    return Billed(row[0], _collected(row[1:])) if row else None


def of_organization(on: date) -> Billed | None:
    """The last period in all chapters, by name, and in each that was billed."""
    same = and_(Chapter.organization_id == Invoice.organization_id, Chapter.id == Invoice.chapter_id)
    keys = (BillingPeriod.organization_id, BillingPeriod.id, Chapter.organization_id, Chapter.id)
    statement = _last_billed(on).outerjoin(Chapter, same).add_columns(Chapter).group_by(*keys)
    rows = db.session.execute(statement.order_by(Chapter.name)).all()
    if not rows:
        return None
    figures = [_collected(row[1:-1]) for row in rows]
    by_chapter = {row[-1]: one for row, one in zip(rows, figures, strict=True) if row[-1] is not None}
    return Billed(rows[0][0], sum(figures, Collected()), by_chapter)


def _last_billed(on: date, *conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The period, and sums over its invoices that are not void."""
    of_period = and_(
        Invoice.organization_id == BillingPeriod.organization_id, Invoice.period_id == BillingPeriod.id
    )
    last = (
        select(BillingPeriod.id)
        .where(
            BillingPeriod.organization_id == tenancy.organization_id(),
            BillingPeriod.starts_on <= on,
            select(Invoice.id).where(of_period).correlate(BillingPeriod).exists(),
        )
        .order_by(BillingPeriod.starts_on.desc(), BillingPeriod.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    live = and_(of_period, Invoice.status != InvoiceStatus.VOID, *conditions)
    return (
        select(BillingPeriod, *_sums())
        .outerjoin(Invoice, live)
        .where(BillingPeriod.organization_id == tenancy.organization_id(), BillingPeriod.id == last)
    )


def _sums() -> tuple[ColumnElement[Any], ...]:
    late = Invoice.status == InvoiceStatus.OVERDUE
    open_ = Invoice.owed > 0
    return (
        func.sum(Invoice.billed - Invoice.adjusted),
        func.sum(Invoice.paid),
        func.sum(Invoice.owed),
        func.sum(Invoice.owed).filter(late),
        func.count(Invoice.id),
        func.count().filter(open_),
        func.count().filter(and_(open_, late)),
    )


def _collected(sums: Sequence[Any]) -> Collected:
    return Collected(*(int(one or 0) for one in sums))
