"""What has to be looked at before a fiscal year is closed, and closing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, union_all

from webapp.core import tenancy
from webapp.core.db import db
from webapp.core.errors import Conflict, Invalid
from webapp.domain import ledger
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.approvals.state import OPEN
from webapp.domain.billing.run import UNDER_WAY, BillingRun
from webapp.domain.ledger import FiscalYear, YearClosing, trial_balance
from webapp.domain.organizations import Login, Organization
from webapp.domain.payments.disputes import UNDECIDED, Dispute
from webapp.domain.payments.payment import FeeState, Payment
from webapp.domain.refunds.refund import Refund, RefundState
from webapp.domain.reporting.verification import books as verification
from webapp.domain.reporting.verification.books import Verification


class Check(StrEnum):
    UNAPPLIED = "unapplied_receipts"
    FEES = "unreconciled_fees"
    APPROVALS = "open_approvals"
    DISPUTES = "open_disputes"
    RUNS = "unfinished_runs"
    REFUNDS_RELEASED = "refunds_not_answered"
    REFUNDS_PENDING = "refunds_on_their_way"
    TRIAL_BALANCE = "trial_balance"
    VERIFICATION = "verification"

    @property
    def is_needed(self) -> bool:
        """No reason gets past this one."""
        return self in (Check.TRIAL_BALANCE, Check.VERIFICATION)


@dataclass(frozen=True)
class Item:
    """How many there are, and what they come to in minor units where money is behind it."""

    check: Check
    count: int
    amount: int = 0

    @property
    def is_settled(self) -> bool:
        return self.count == 0


def checklist(year: FiscalYear) -> list[Item]:
    """As everything stands now. The books are those that the last night verified."""
    rows = db.session.execute(union_all(*_counts())).all()
    found = {Check(row[0]): Item(Check(row[0]), row[1], int(row[2])) for row in rows}
    latest = Verification.latest()
    for check, differs in (
        (Check.TRIAL_BALANCE, not trial_balance(year.ends_on).agrees),
        (Check.VERIFICATION, latest is not None and latest.differences > 0),
    ):
        found[check] = Item(check, int(differs))
    return [found[check] for check in Check]


def close(organization: Organization, year: FiscalYear, *, by: Login, reason: str) -> YearClosing:
    """The books are verified once more. Whatever is open otherwise needs a reason, which is kept."""
    left = [item for item in checklist(year) if not item.is_settled]
    if any(item.check is Check.TRIAL_BALANCE for item in left) or verification.verify(organization):
        raise Conflict(
            "The books don't agree with themselves, so no year can be closed.",
            next_step="Ask whoever runs this installation to verify the books.",
        )
    left = [item for item in left if not item.check.is_needed]
    if left and not reason.strip():
        raise Invalid(fields={"reason": "Something is still open. Say why the year is closed all the same."})
    kept = reason.strip() if left else None
    return ledger.close_year(year, by=by, today=organization.today, reason=kept)


def _counts() -> Sequence[Select[str, int, Any]]:
    amounts: list[tuple[Check, Any, ColumnElement[bool], Any]] = [
        (Check.UNAPPLIED, Payment, Payment.unapplied > 0, Payment.unapplied),
        (Check.FEES, Payment, Payment.fee_state.in_((FeeState.AWAITED, FeeState.FAILED)), Payment.amount),
        (Check.APPROVALS, ApprovalRequest, ApprovalRequest.state.in_(OPEN), ApprovalRequest.amount),
        (Check.DISPUTES, Dispute, Dispute.state.in_(UNDECIDED), Dispute.amount),
        (Check.RUNS, BillingRun, BillingRun.state.in_(UNDER_WAY), literal(0)),
        (Check.REFUNDS_RELEASED, Refund, Refund.state == RefundState.RELEASED, Refund.amount),
        (Check.REFUNDS_PENDING, Refund, Refund.state == RefundState.PENDING, Refund.amount),
    ]
    return [
        select(literal(check.value), func.count(), func.coalesce(func.sum(amount), 0))
        .select_from(kind)
        .where(kind.organization_id == tenancy.organization_id(), condition)
        for check, kind, condition, amount in amounts
    ]
