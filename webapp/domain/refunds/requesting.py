"""An officer gives money back: at once within the cap, above it when somebody else has approved it."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from webapp.core import audit
from webapp.core.db import db, new_id
from webapp.core.errors import Invalid
from webapp.core.jobs import Job, later
from webapp.domain import approvals
from webapp.domain.approvals import Action, ApprovalRequest, ApprovalState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login, tokens
from webapp.domain.payments import disputes
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds import booking, cap, refundable
from webapp.domain.refunds.refund import How, Refund, RefundState


@dataclass(frozen=True)
class Terms:
    """What an officer wants: how much (minor units), which way, whether the member owes it again, and why."""

    amount: int
    how: How
    reason: str
    reinstates_debt: bool = False
    check_number: str | None = None


@dataclass(frozen=True)
class Asked:
    """The refund, and the request that stands in the queue when it needs a second person."""

    refund: Refund
    approval: ApprovalRequest | None


def request_refund(invoice_id: UUID, payment_id: UUID, terms: Terms, *, by: Login, on: date) -> Asked:
    """Hold the money, then let it go or ask. Invoice and payment stay locked, so nobody is faster."""
    invoices = booking.lock_invoices(payment_id)
    payment = Payment.here().get(payment_id, lock=True)
    invoice = invoices.get(invoice_id) or Invoice.here().get(invoice_id)
    refuse_impossible(terms, invoice, payment)
    limits = cap.cap_on(invoice, by, lock=True)
    refund = _written(invoice, payment, terms, by=by, on=on)
    refund.needs_approval = not limits.allows(terms.amount)
    payment.reserve(terms.amount)
    db.session.add(refund)
    db.session.flush()
    audit.record(
        "refund_requested", refund, by=by, after=order_of(refund, payment.currency), reason=refund.reason
    )
    if refund.needs_approval:
        return Asked(refund, _ask(refund, payment.currency, limits.limit, by=by))
    _let_go(refund, payment, invoices, by=by, on=on)
    return Asked(refund, None)


def refuse_impossible(terms: Terms, invoice: Invoice, payment: Payment) -> None:
    """Every reason at its field, so that the form can be mended at once."""
    disputes.refuse_while_disputed(payment)
    problems: dict[str, str] = {}
    if terms.amount <= 0:
        problems["amount"] = "The amount must be more than zero."
    elif too_much := refundable.what_is_too_much(terms.amount, invoice, payment):
        problems["amount"] = too_much
    if terms.how is How.ORIGINAL and payment.is_offline:
        problems["how"] = "This payment did not come through a processor. Give it back by check."
    if terms.how is How.CHECK and not (terms.check_number or "").strip():
        problems["check_number"] = "Enter the number of the check."
    if not terms.reason.strip():
        problems["reason"] = "Say why. Others will read it."
    if problems:
        raise Invalid(" ".join(problems.values()), fields=problems)


def order_of(refund: Refund, currency: str) -> dict[str, Any]:
    """Exactly what is done once somebody approves it."""
    return {
        "refund_id": str(refund.id),
        "payment_id": str(refund.payment_id) if refund.payment_id else None,
        "invoice_id": str(refund.invoice_id) if refund.invoice_id else None,
        "member_id": str(refund.member_id),
        "amount": refund.amount,
        "currency": currency,
        "how": refund.how.value,
        "check_number": refund.check_number,
        "reinstates_debt": refund.reinstates_debt,
    }


def carry_out(request: ApprovalRequest, by: Login, on: date) -> None:
    """Approved: the refund as it stands now is the one that was approved, or nothing happens."""
    assert request.payment_id is not None, "A refund's request names its payment"
    invoices = booking.lock_invoices(request.payment_id)
    payment = Payment.here().get(request.payment_id, lock=True)
    disputes.refuse_while_disputed(payment)
    refund = Refund.here().get(request.subject_id, lock=True)
    request.insist_on(order_of(refund, payment.currency))
    _let_go(refund, payment, invoices, by=by, on=on)


def drop(request: ApprovalRequest, by: Login, on: date) -> None:
    """Denied, or withdrawn by whoever asked: nothing is held for it any more."""
    assert request.payment_id is not None, "A refund's request names its payment"
    payment = Payment.here().get(request.payment_id, lock=True)
    refund = Refund.here().get(request.subject_id, lock=True)
    if refund.state is not RefundState.REQUESTED:
        return
    denied = request.state is ApprovalState.DENIED
    payment.let_go(refund.amount)
    refund.end(
        RefundState.DENIED if denied else RefundState.WITHDRAWN,
        by=by,
        reason=request.decision_reason or "Withdrawn by whoever asked for it.",
    )


def _written(invoice: Invoice, payment: Payment, terms: Terms, *, by: Login, on: date) -> Refund:
    by_check = terms.how is How.CHECK
    return Refund(
        id=new_id(),
        payment_id=payment.id,
        member_id=payment.member_id,
        chapter_id=invoice.chapter_id,
        invoice_id=invoice.id,
        amount=terms.amount,
        how=terms.how,
        check_number=(terms.check_number or "").strip() if by_check else None,
        state=RefundState.REQUESTED,
        reinstates_debt=terms.reinstates_debt,
        refunded_on=on,
        reason=terms.reason.strip(),
        requested_by_id=tokens.behind(by).person_id,
    )


def _ask(refund: Refund, currency: str, limit: int | None, *, by: Login) -> ApprovalRequest:
    return approvals.ask(
        Action.REFUND,
        refund,
        order=order_of(refund, currency),
        amount=refund.amount,
        currency=currency,
        member_id=refund.member_id,
        chapter_id=refund.chapter_id,
        reason=refund.reason or "",
        cap=limit,
        by=by,
        invoice_id=refund.invoice_id,
        payment_id=refund.payment_id,
    )


def _let_go(refund: Refund, payment: Payment, invoices: booking.Invoices, *, by: Login, on: date) -> None:
    """A check is written at once and booked; everything else is asked of the processor in the background."""
    refund.release(by=by)
    if refund.how is How.CHECK:
        booking.book(refund, payment, invoices, on=on, by=by)
        later(Job.ANNOUNCE, once=f"refund_arrived:{refund.id}", what="refund_arrived", refund_id=refund.id)
    else:
        later(Job.SUBMIT_REFUND, once=str(refund.id), refund_id=refund.id)
