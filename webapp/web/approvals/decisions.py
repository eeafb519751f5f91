"""Approve, deny, put on hold, ask back: only a POST decides, never the link in a mail."""

from collections.abc import Callable
from uuid import UUID

from flask import request as http
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.approvals import ApprovalRequest
from webapp.web.approvals import approvals
from webapp.web.approvals.request import RemarkForm, page, visible
from webapp.web.confirmation import confirmed
from webapp.web.gates import current_organization, in_two_steps
from webapp.web.htmx import see_other
from webapp.web.request_keys import acts_once

Answer = Response | tuple[str, int]


@approvals.post("/<uuid:approval_id>/approval")
@in_two_steps
@confirmed
@acts_once
def create_approval(approval_id: UUID) -> Response:
    with transaction():
        request = visible(approval_id)
        request.approve(
            by=current_user,
            seen=http.form.get("seen", ""),
            carry_out=wiring.ACTIONS,
            on=current_organization.today,
        )
    return see_other("approvals.queue", notice=f"{request.title}: approved.")


@approvals.post("/<uuid:approval_id>/denial")
@acts_once
def create_denial(approval_id: UUID) -> Answer:
    def deny(request: ApprovalRequest, reason: str) -> None:
        request.deny(by=current_user, reason=reason, tell=wiring.DENIALS, on=current_organization.today)

    return _with_remark(approval_id, deny, "denied. Whoever asked is told why.")


@approvals.post("/<uuid:approval_id>/hold")
@acts_once
def create_hold(approval_id: UUID) -> Answer:
    def hold(request: ApprovalRequest, reason: str) -> None:
        request.hold(by=current_user, reason=reason, on=current_organization.today)

    return _with_remark(approval_id, hold, "on hold. Whoever asked is told why.")


@approvals.post("/<uuid:approval_id>/question")
@acts_once
def create_question(approval_id: UUID) -> Answer:
    def ask_back(request: ApprovalRequest, question: str) -> None:
        request.ask_back(by=current_user, question=question, on=current_organization.today)

    return _with_remark(approval_id, ask_back, "waits for an answer now.")


def _with_remark(approval_id: UUID, act: Callable[[ApprovalRequest, str], None], done: str) -> Answer:
    form = RemarkForm()
    if not form.validate():
        return page(approval_id, form), 422
    with transaction():
        request = visible(approval_id)
        act(request, form.remark.data)
    return see_other("approvals.queue", notice=f"{request.title}: {done}")
