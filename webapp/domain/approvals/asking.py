"""Asking for what one may not do alone."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from webapp.core import audit
from webapp.core.db import HasId, db, new_id
from webapp.core.errors import Conflict
from webapp.domain.approvals.action import Action
from webapp.domain.approvals.order import canonical, digest
from webapp.domain.approvals.policy import Limit
from webapp.domain.approvals.request import ApprovalRequest, announce, stated
from webapp.domain.approvals.state import OPEN, ApprovalState
from webapp.domain.organizations import Login, tokens


def ask(
    action: Action,
    subject: HasId,
    *,
    order: Mapping[str, Any],
    amount: int,
    currency: str,
    member_id: UUID,
    chapter_id: UUID,
    reason: str,
    cap: Limit,
    by: Login | None,
    invoice_id: UUID | None = None,
    payment_id: UUID | None = None,
) -> ApprovalRequest:
    """Put it into the queue. `order` is everything that will be done; the caller has locked the subject."""
    same = ApprovalRequest.action == action, ApprovalRequest.subject_id == subject.id
    if ApprovalRequest.here().first(*same, ApprovalRequest.state.in_(OPEN)) is not None:
        raise Conflict(f"This {action.label} waits for approval already.")
    person_id, token_id = tokens.behind(by) if by else (None, None)
    text = canonical(order)
    request = ApprovalRequest(
        id=new_id(),
        action=action,
        subject_id=subject.id,
        member_id=member_id,
        chapter_id=chapter_id,
        invoice_id=invoice_id,
        payment_id=payment_id,
        amount=amount,
        currency=currency,
        order=text,
        order_digest=digest(text),
        cap=cap,
        requested_by_id=person_id,
        requested_by_token_id=token_id,
        reason=stated(reason, "reason"),
        state=ApprovalState.PENDING,
    )
    db.session.add(request)
    db.session.flush()
    after = {"action": action, "amount": amount, "cap": cap, "digest": request.order_digest}
    audit.record("approval requested", request, by=by, after=after, reason=request.reason)
    announce("approval_waiting", request)
    return request
