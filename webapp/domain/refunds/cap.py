"""How much one officer gives back alone: everything that officer refunded of one invoice counts together."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain import approvals
from webapp.domain.approvals import Action, Limit
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Login, Member, tokens
from webapp.domain.refunds.refund import Refund, RefundState

COUNTED = (RefundState.REQUESTED, RefundState.RELEASED, RefundState.PENDING, RefundState.SUCCEEDED)
"""What was denied, withdrawn or did not arrive gave nothing back."""


@dataclass(frozen=True)
class Cap:
    """Minor units. `limit`: None is no limit, 0 is never alone. `used` of it before this refund."""

    limit: Limit
    used: int

    @property
    def left(self) -> Limit:
        return None if self.limit is None else max(0, self.limit - self.used)

    def allows(self, amount: int) -> bool:
        return approvals.covers(self.left, amount)


def cap_on(invoice: Invoice, officer: Login, *, lock: bool = False) -> Cap:
    """With `lock`, roles, policy and settings are read as they are now, and stay so until this ends."""
    person_id = tokens.behind(officer).person_id
    return Cap(
        _limit(invoice.member_id, officer, lock=lock),
        _sum(Refund.invoice_id == invoice.id, Refund.requested_by_id == person_id),
    )


def _limit(member_id: UUID, officer: Login, *, lock: bool) -> Limit:
    """Nobody gives money to themselves alone."""
    person_id = tokens.behind(officer).person_id
    if Member.here().first(Member.id == member_id, Member.login_id == person_id):
        return 0
    settings = DuesSettings.here().select()
    if lock:
        settings = settings.with_for_update(read=True).execution_options(populate_existing=True)
    usual = db.session.scalars(settings).one().refund_cap
    return approvals.limit_of(officer, Action.REFUND, usual=usual, lock=lock)


def _sum(*conditions: ColumnElement[bool]) -> int:
    counted = select(func.coalesce(func.sum(Refund.amount), 0)).where(
        Refund.organization_id == tenancy.organization_id(), Refund.state.in_(COUNTED), *conditions
    )
    return int(db.session.scalar(counted) or 0)
