"""How a member stands, for whoever decides about the member's money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, Text, cast, func, literal, select, union_all

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Member
from webapp.domain.refunds.refund import Refund

_LATEST = 8


class Event(NamedTuple):
    """A refund, an adjustment, or a request for one; `amount` in minor units."""

    sort: str
    amount: int
    state: str
    at: datetime
    reason: str | None


@dataclass(frozen=True)
class Background:
    """Amounts in minor units, over all invoices that are not void."""

    billed: int
    paid: int
    owed: int
    latest: Sequence[Event]


def of(member: Member, *, beside: ApprovalRequest) -> Background:
    """With the latest that was given back, taken off or asked for, but this request."""
    billed, paid, owed = db.session.execute(
        select(_sum(Invoice.billed), _sum(Invoice.paid), _sum(Invoice.owed)).where(
            Invoice.organization_id == tenancy.organization_id(),
            Invoice.member_id == member.id,
            Invoice.voided_at.is_(None),
        )
    ).one()
    return Background(int(billed), int(paid), int(owed), _latest(member, beside))


def _latest(member: Member, beside: ApprovalRequest) -> Sequence[Event]:
    same_invoice = (Invoice.organization_id == Adjustment.organization_id) & (
        Invoice.id == Adjustment.invoice_id
    )
    adjusted = _events("adjustment", Adjustment).join(Invoice, same_invoice)
    asked = ApprovalRequest.id != beside.id, ApprovalRequest.subject_id != beside.subject_id
    found = union_all(
        _events("refund", Refund).where(Refund.member_id == member.id, Refund.id != beside.subject_id),
        adjusted.where(Invoice.member_id == member.id, Adjustment.id != beside.subject_id),
        _events("request", ApprovalRequest).where(ApprovalRequest.member_id == member.id, *asked),
    ).subquery()
    rows = db.session.execute(select(found).order_by(found.c.at.desc()).limit(_LATEST))
    return [Event(*row) for row in rows]


def _events(sort: str, kind: Any) -> Select[Any]:
    return select(
        literal(sort, Text).label("sort"),
        kind.amount.label("amount"),
        cast(kind.state, String).label("state"),
        kind.created_at.label("at"),
        kind.reason.label("reason"),
    ).where(kind.organization_id == tenancy.organization_id())


def _sum(column: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)
