"""What is asked goes out at once within the officer's cap; above it, once somebody else has approved it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from webapp.core import audit
from webapp.core.db import db
from webapp.core.jobs import Job, later
from webapp.domain import approvals
from webapp.domain.approvals import Action, ApprovalRequest, ApprovalState
from webapp.domain.organizations import Login
from webapp.domain.payments import disputes
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds import booking
from webapp.domain.refunds.booking import Invoices
from webapp.domain.refunds.cap import Cap
from webapp.domain.refunds.refund import How, Refund, RefundState


@dataclass(frozen=True)
class Asked:
    """The refund, and the request that stands in the queue when it needs a second person."""

    refund: Refund
    approval: ApprovalRequest | None


def decide(
    refund: Refund,
    payment: Payment | None,
    invoices: Invoices,
    cap: Cap,
    *,
    currency: str,
    by: Login,
    on: date,
) -> Asked:
    """Hold the money, then let it go or ask. The caller has locked what it comes out of."""
    refund.needs_approval = not cap.allows(refund.amount)
    if payment is not None:
        payment.reserve(refund.amount)
    db.session.add(refund)
    db.session.flush()
    audit.record("refund_requested", refund, by=by, after=order_of(refund, currency), reason=refund.reason)
    if refund.needs_approval:
        return Asked(refund, _ask(refund, currency, cap, by=by))
    _let_go(refund, payment, invoices, by=by, on=on)
    return Asked(refund, None)


def order_of(refund: Refund, currency: str) -> dict[str, Any]:
    """Exactly what is done once somebody approves it."""
    names = ("id", "payment_id", "invoice_id", "credit_note_id", "member_id")
    ids = {name: getattr(refund, name) for name in names}
    return {name: str(row_id) for name, row_id in ids.items() if row_id is not None} | {
        "amount": refund.amount,
        "currency": currency,
        "how": refund.how.value,
        "check_number": refund.check_number,
        "reinstates_debt": refund.reinstates_debt,
    }


def carry_out(request: ApprovalRequest, by: Login, on: date) -> None:
    """Approved: the refund as it stands now is the one that was approved, or nothing happens."""
    held = booking.hold(request.subject_id)
    if held.payment is not None:
        disputes.refuse_while_disputed(held.payment)
    request.insist_on(order_of(held.refund, request.currency))
    _let_go(held.refund, held.payment, held.invoices, by=by, on=on)


def drop(request: ApprovalRequest, by: Login, on: date) -> None:
    """Denied, or withdrawn by whoever asked: nothing is held for it any more."""
    held = booking.hold(request.subject_id)
    if held.refund.state is not RefundState.REQUESTED:
        return
    denied = request.state is ApprovalState.DENIED
    booking.free(held.refund, held.payment, by=by)
    held.refund.end(
        RefundState.DENIED if denied else RefundState.WITHDRAWN,
        by=by,
        reason=request.decision_reason or "Withdrawn by whoever asked for it.",
    )


def _ask(refund: Refund, currency: str, cap: Cap, *, by: Login) -> ApprovalRequest:
    return approvals.ask(
        Action.CREDIT_RELEASE if refund.credit_note_id else Action.REFUND,
        refund,
        order=order_of(refund, currency),
        amount=refund.amount,
        currency=currency,
        member_id=refund.member_id,
        chapter_id=refund.chapter_id,
        reason=refund.reason or "",
        cap=cap.limit,
        by=by,
        invoice_id=refund.invoice_id,
        payment_id=refund.payment_id,
    )


def _let_go(refund: Refund, payment: Payment | None, invoices: Invoices, *, by: Login, on: date) -> None:
    """A check is written at once and booked; everything else is asked of the processor in the background."""
    refund.release(by=by)
    if refund.how is How.CHECK:
        booking.book(refund, payment, invoices, on=on, by=by)
        later(Job.ANNOUNCE, once=f"refund_arrived:{refund.id}", what="refund_arrived", refund_id=refund.id)
    else:
        later(Job.SUBMIT_REFUND, once=str(refund.id), refund_id=refund.id)
