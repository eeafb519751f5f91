"""How a member stands, for whoever decides about the member's money."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Member
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds.refund import Refund

_LATEST = 5


@dataclass(frozen=True)
class Standing:
    """Amounts in minor units, over all invoices that are not void."""

    billed: int
    paid: int
    owed: int
    refunds: Sequence[Refund]
    requests: Sequence[ApprovalRequest]


def of(member: Member, *, beside: ApprovalRequest) -> Standing:
    """With the latest refunds, and the latest requests but this one."""
    billed, paid, owed = db.session.execute(
        select(_sum(Invoice.billed), _sum(Invoice.paid), _sum(Invoice.owed)).where(
            Invoice.organization_id == tenancy.organization_id(),
            Invoice.member_id == member.id,
            Invoice.voided_at.is_(None),
        )
    ).one()
    refunds = Refund.here().select(Payment.member_id == member.id).join(Refund.payment)
    others = ApprovalRequest.member_id == member.id, ApprovalRequest.id != beside.id
    earlier = ApprovalRequest.here().select(*others).options(joinedload(ApprovalRequest.decided_by))
    return Standing(
        int(billed),
        int(paid),
        int(owed),
        db.session.scalars(refunds.order_by(Refund.id.desc()).limit(_LATEST)).all(),
        db.session.scalars(earlier.order_by(ApprovalRequest.id.desc()).limit(_LATEST)).all(),
    )


def _sum(column: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)
