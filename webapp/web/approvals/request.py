"""One request: what would be done, who asked and why, and how the member stands."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from webapp.core.audit import AuditEntry
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.approvals import queue as waiting
from webapp.domain.reporting import background
from webapp.web import changes
from webapp.web.approvals import approvals
from webapp.web.deciders import reader
from webapp.web.forms import Form


class RemarkForm(Form):
    """What the other side will read."""

    remark = TextAreaField(
        "Your words", [DataRequired("Write a sentence. The other side reads it."), Length(max=1000)]
    )


@approvals.get("/<uuid:approval_id>", endpoint="request")
def show(approval_id: UUID) -> str:
    return page(approval_id, RemarkForm(formdata=None))


def page(approval_id: UUID, form: Form) -> str:
    """Nothing typed is lost: whatever was refused comes back with its sentence."""
    eyes = reader()
    found = waiting.seen(eyes, approval_id)
    return render_template(
        "approvals/show.html",
        approval=found,
        terms=changes.in_words(found.terms, _known(found)),
        events=AuditEntry.here().all(AuditEntry.subject_id == found.id, order_by=AuditEntry.id),
        background=background.of(found.member, beside=found),
        form=form,
        may_decide=found.is_open and eyes.may_decide(found),
        is_mine=found.is_asked_by(current_user),
    )


def _known(request: ApprovalRequest) -> dict[UUID, str]:
    """What the page says already beside the order; the subject is what it is about."""
    known = {request.member_id: request.member.name, request.chapter_id: request.chapter.name}
    linked = {row_id: "this one" for row_id in (request.invoice_id, request.payment_id) if row_id}
    return known | linked | {request.subject_id: ""}


def visible(approval_id: UUID) -> ApprovalRequest:
    """NotFound for whoever may not see it; who may do what with it, it knows itself."""
    return waiting.seen(reader(), approval_id)
