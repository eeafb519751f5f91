"""What came in, month by month, whatever it settles."""

from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from webapp.core import clock, tenancy
from webapp.core.db import db
from webapp.domain.payments.payment import Payment, PaymentState


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
