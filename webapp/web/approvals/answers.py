"""What whoever asked can do meanwhile: answer a question, or withdraw."""

from uuid import UUID

from flask_login import current_user
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.db import transaction
from webapp.web.approvals import approvals
from webapp.web.approvals.request import RemarkForm, page, visible
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.request_keys import acts_once


@approvals.post("/<uuid:approval_id>/answer")
@acts_once
def create_answer(approval_id: UUID) -> Response | tuple[str, int]:
    form = RemarkForm()
    if not form.validate():
        return page(approval_id, form), 422
    with transaction():
        visible(approval_id).answer(by=current_user, text=form.remark.data)
    return see_other("approvals.request", approval_id=approval_id, notice="Your answer is on its way.")


@approvals.post("/<uuid:approval_id>/withdrawal")
@acts_once
def create_withdrawal(approval_id: UUID) -> Response:
    with transaction():
        request = visible(approval_id)
        request.withdraw(by=current_user, tell=wiring.DENIALS, on=current_organization.today)
    return see_other("approvals.queue", tab="mine", notice=f"{request.title}: withdrawn.")
