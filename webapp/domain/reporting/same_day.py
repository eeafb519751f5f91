"""How far the billing period before was on the same day: as many days before or after its due date."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.reporting import receivables


@dataclass(frozen=True)
class Progress:
    """In minor units: what was billed, but for what is void, and what had come in by the end of that day."""

    billed: int = 0
    collected: int = 0

    def __add__(self, other: "Progress") -> "Progress":
        return Progress(self.billed + other.billed, self.collected + other.collected)

    @property
    def rate(self) -> float:
        """The part that had come in, 0 to 1."""
        return self.collected / self.billed if self.billed else 0.0


@dataclass(frozen=True)
class Before:
    """`on` is the day of that period which is like today in the one it is compared with."""

    period: BillingPeriod
    on: date
    by_chapter: dict[UUID, Progress]

    @property
    def whole(self) -> Progress:
        return sum(self.by_chapter.values(), Progress())


def before(period: BillingPeriod, on: date, *, chapter_id: UUID | None = None) -> Before | None:
    """The period that was billed before this one; None when there is none."""
    of_chapter = [Invoice.chapter_id == chapter_id] if chapter_id else []
    days = (on - period.due_on).days
    earlier = _the_one_before(period).with_only_columns(BillingPeriod.id).cte("earlier")
    its = Invoice.period_id == select(earlier.c.id).scalar_subquery()
    billed = _billed(its, *of_chapter).subquery("billed")
    collected = _collected(days, its, *of_chapter).subquery("collected")
    rows = db.session.execute(
        select(BillingPeriod, billed.c.chapter_id, billed.c.amount, func.coalesce(collected.c.amount, 0))
        .join(billed, billed.c.period_id == BillingPeriod.id)
        .outerjoin(collected, collected.c.chapter_id == billed.c.chapter_id)
        .where(BillingPeriod.organization_id == tenancy.organization_id())
    ).all()
    if not rows:
        return None
    found: BillingPeriod = rows[0][0]
    by_chapter = {row[1]: Progress(int(row[2]), int(row[3])) for row in rows}
    return Before(found, found.due_on + timedelta(days=days), by_chapter)


def _the_one_before(period: BillingPeriod) -> Select[BillingPeriod]:
    billed = select(Invoice.id).where(
        Invoice.organization_id == BillingPeriod.organization_id, Invoice.period_id == BillingPeriod.id
    )
    earlier = BillingPeriod.here().select(BillingPeriod.starts_on < period.starts_on, billed.exists())
    return earlier.order_by(BillingPeriod.starts_on.desc(), BillingPeriod.id.desc()).limit(1)


def _billed(*only: ColumnElement[bool]) -> Select[UUID, UUID, int]:
    amount = func.sum(Invoice.billed - Invoice.adjusted).label("amount")
    here = Invoice.organization_id == tenancy.organization_id()
    found = select(Invoice.period_id, Invoice.chapter_id, amount)
    found = found.where(here, Invoice.status != InvoiceStatus.VOID, *only)
    return found.group_by(Invoice.period_id, Invoice.chapter_id)


def _collected(days: int, *only: ColumnElement[bool]) -> Select[Any]:
    changes = receivables.money(*only).subquery("changes")
    same = and_(
        BillingPeriod.organization_id == tenancy.organization_id(), BillingPeriod.id == changes.c.period_id
    )
    found = select(changes.c.chapter_id, (-func.sum(changes.c.amount)).label("amount")).join_from(
        changes, BillingPeriod, same
    )
    return found.where(changes.c.dated <= BillingPeriod.due_on + days).group_by(changes.c.chapter_id)
