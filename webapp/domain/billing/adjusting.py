"""Adjusting an invoice: at once by whoever may do it alone, otherwise once a second person approved it."""

from datetime import date
from typing import Any

from sqlalchemy import func, select

from webapp.core import audit, tenancy
from webapp.core.db import db, new_id
from webapp.core.errors import Conflict
from webapp.domain import approvals
from webapp.domain.approvals import ApprovalRequest, ApprovalState, Limit
from webapp.domain.billing import adjustment_effect, late_fee_waiving
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, AdjustmentState
from webapp.domain.billing.attachments import Attachment
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login, Member, tokens
from webapp.domain.organizations.uploads import Document


def adjust(invoice: Invoice, change: Change, *, by: Login | None, on: date) -> Adjustment:
    """Change what a locked invoice says is owed, or ask for it: the adjustment's state tells which.

    `by=None` is Duesbook itself, by a rule that the organization has set.
    """
    alone = by is None or may_alone(by, invoice, change, lock=True)
    adjustment = _noted(invoice, change, by=by)
    if by is None or alone:
        _apply(adjustment, invoice, by=by, on=on)
    else:
        _ask(adjustment, invoice, cap=cap_of(by, invoice, change.kind, lock=True), by=by)
    return adjustment


def ask_for_hardship(
    invoice: Invoice, amount: int, reason: str, *, document: Document | None, by: Login
) -> Adjustment:
    """A member asks to owe less on an own, locked invoice. Somebody else decides, whatever the amount."""
    waiting = (
        Adjustment.invoice_id == invoice.id,
        Adjustment.by_member.is_(True),
        Adjustment.state == AdjustmentState.REQUESTED,
    )
    if Adjustment.here().first(*waiting) is not None:
        raise Conflict(
            "You have asked for this invoice already, and nobody has decided yet.",
            next_step="Withdraw that request first if you want to ask for something else.",
        )
    change = Change(AdjustmentKind.HARDSHIP, amount, reason)
    adjustment = _noted(invoice, change, by=by, by_member=True, document=document)
    _ask(adjustment, invoice, cap=0, by=by)
    return adjustment


def may_alone(by: Login, invoice: Invoice, change: Change, *, lock: bool = False) -> bool:
    """Whether nobody else has to approve it. Many small ones on an invoice count like one."""
    cap = cap_of(by, invoice, change.kind, lock=lock)
    return approvals.covers(cap, change.amount + _done_alone(invoice, change.kind, by))


def cap_of(by: Login, invoice: Invoice, kind: AdjustmentKind, *, lock: bool = False) -> Limit:
    """Up to which amount in all somebody may adjust this invoice alone. Nobody does so on an own account."""
    person_id = tokens.behind(by).person_id
    if Member.here().first(Member.id == invoice.member_id, Member.login_id == person_id):
        return 0
    return approvals.limit_of(by, kind.action, lock=lock)


def carry_out(request: ApprovalRequest, by: Login, on: date) -> None:
    """It was approved: do what was ordered, or nothing if that is something else by now."""
    adjustment, invoice = _held(request)
    request.insist_on(order_of(adjustment, invoice))
    _apply(adjustment, invoice, by=by, on=on)


def turn_down(request: ApprovalRequest, by: Login, on: date) -> None:
    """It was denied, or withdrawn by whoever asked. Nothing changes but that."""
    adjustment, _ = _held(request)
    if request.state is ApprovalState.DENIED:
        adjustment.deny(by=by, reason=request.decision_reason or "")
    else:
        adjustment.withdraw(by=by)


def order_of(adjustment: Adjustment, invoice: Invoice) -> dict[str, Any]:
    """Everything that carrying it out would do."""
    document = Attachment.of(adjustment)
    return {
        "adjustment": str(adjustment.id),
        "kind": adjustment.kind,
        "direction": adjustment.direction,
        "amount": adjustment.amount,
        "currency": invoice.currency,
        "invoice": invoice.number,
        "member": str(invoice.member_id),
        "payment": str(adjustment.payment_id) if adjustment.payment_id else None,
        "reason": adjustment.reason,
        "document": document.digest if document else None,
    }


def _apply(adjustment: Adjustment, invoice: Invoice, *, by: Login | None, on: date) -> None:
    """It happens, and what the organization's rules make of it."""
    late_fee = late_fee_waiving.goes_along(invoice, adjustment.kind, adjustment.amount)
    adjustment_effect.apply(adjustment, invoice, by=by, on=on)
    if late_fee:
        adjust(invoice, Change(AdjustmentKind.WAIVER, late_fee, late_fee_waiving.REASON), by=None, on=on)


def _noted(
    invoice: Invoice,
    change: Change,
    *,
    by: Login | None,
    by_member: bool = False,
    document: Document | None = None,
) -> Adjustment:
    adjustment_effect.refuse_impossible(invoice, change)
    adjustment = Adjustment(
        id=new_id(),
        invoice_id=invoice.id,
        payment_id=change.payment_id,
        kind=change.kind,
        direction=change.heading,
        amount=change.amount,
        reason=change.reason.strip(),
        state=AdjustmentState.REQUESTED,
        by_member=by_member,
        requested_by_id=tokens.behind(by).person_id if by else None,
    )
    db.session.add(adjustment)
    db.session.flush()
    asked = {"invoice": invoice.number, "kind": change.kind, "amount": change.amount, "owed": invoice.owed}
    audit.record("adjustment requested", adjustment, by=by, after=asked, reason=adjustment.reason)
    if document is not None:
        db.session.add(Attachment.holding(document, adjustment))
        db.session.flush()
    return adjustment


def _ask(adjustment: Adjustment, invoice: Invoice, *, cap: Limit, by: Login) -> None:
    approvals.ask(
        adjustment.kind.action,
        adjustment,
        order=order_of(adjustment, invoice),
        amount=adjustment.amount,
        currency=invoice.currency,
        member_id=invoice.member_id,
        chapter_id=invoice.chapter_id,
        reason=adjustment.reason,
        cap=cap,
        by=by,
        invoice_id=invoice.id,
        payment_id=adjustment.payment_id,
    )


def _done_alone(invoice: Invoice, kind: AdjustmentKind, by: Login) -> int:
    """What this person changed on the invoice alone before."""
    same_action = [one for one in AdjustmentKind if one.action is kind.action]
    total = select(func.coalesce(func.sum(Adjustment.amount), 0)).where(
        Adjustment.organization_id == tenancy.organization_id(),
        Adjustment.invoice_id == invoice.id,
        Adjustment.kind.in_(same_action),
        Adjustment.state == AdjustmentState.APPROVED,
        Adjustment.requested_by_id == tokens.behind(by).person_id,
        Adjustment.decided_by_id.is_(None),
    )
    return int(db.session.scalar(total) or 0)


def _held(request: ApprovalRequest) -> tuple[Adjustment, Invoice]:
    """Both locked, the invoice first."""
    invoice = Invoice.here().get(Adjustment.here().get(request.subject_id).invoice_id, lock=True)
    return Adjustment.here().get(request.subject_id, lock=True), invoice
