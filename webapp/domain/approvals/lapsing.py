"""Requests that nobody has to decide any more: what they are about has ended, or whoever asked has left."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement

from webapp.core import audit
from webapp.core.db import db
from webapp.domain.approvals.action import Action
from webapp.domain.approvals.request import ApprovalRequest, Deed, announce
from webapp.domain.approvals.state import OPEN, ApprovalState
from webapp.domain.organizations import Login


def lapse_about(subject_ids: Collection[UUID], *, by: Login | None, reason: str) -> None:
    """Their subjects ended another way; the caller holds them. Whoever asked is told why."""
    for request in _open(ApprovalRequest.subject_id.in_(subject_ids)):
        _lapse(request, by=by, reason=reason)


def lapse_of(asker: Login, *, by: Login, tell: Mapping[Action, Deed], on: date) -> None:
    """A role was taken away: what may not be asked for any more is over. `tell` lets the subjects know."""
    reason = f"{asker.name}, who asked for this, may not ask for it any more."
    for request in _open(ApprovalRequest.requested_by_id == asker.id):
        if request.asker_who_left() is not None:
            _lapse(request, by=by, reason=reason)
            tell[request.action](request, by, on)


def _open(condition: ColumnElement[bool]) -> Sequence[ApprovalRequest]:
    waiting = ApprovalRequest.here().select(condition, ApprovalRequest.state.in_(OPEN))
    held = waiting.order_by(ApprovalRequest.id).with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(held).all()


def _lapse(request: ApprovalRequest, *, by: Login | None, reason: str) -> None:
    before = {"state": request.state}
    request.state, request.decision_reason = ApprovalState.WITHDRAWN, reason
    db.session.flush()
    after = {"state": request.state, "amount": request.amount}
    audit.record("withdrawn", request, by=by, before=before, after=after, reason=reason)
    announce("approval_news", request)
