"""Several requests at once: each in a transaction of its own, with a result of its own.

Safe to repeat: what was approved before is found approved, by whom, and not done again.
"""

from typing import NamedTuple
from uuid import UUID

from flask import render_template
from flask import request as http
from flask_login import current_user

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Refusal
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.approvals import queue as waiting
from webapp.web.approvals import approvals
from webapp.web.approvals.request import visible
from webapp.web.confirmation import confirmed
from webapp.web.deciders import reader
from webapp.web.forms import Form
from webapp.web.gates import current_organization, in_two_steps
from webapp.web.lists import PAGE


class Outcome(NamedTuple):
    """`refusal` says why it was not approved now."""

    request: ApprovalRequest
    refusal: str | None


@approvals.get("/together")
def together() -> str:
    """What is about to be approved: who, what, how much, and in all."""
    eyes = reader()
    ticked = waiting.chosen(eyes, http.args.getlist("pick", type=UUID)[:PAGE])
    rows = [request for request in ticked if eyes.may_decide(request)]
    return render_template("approvals/together.html", rows=rows, form=Form(formdata=None))


@approvals.post("/together")
@in_two_steps
@confirmed
def create_approvals() -> str:
    seen = http.form.getlist("seen", type=_seen)[:PAGE]
    refusals = {approval_id: _approve(approval_id, digest) for approval_id, digest in seen}
    rows = [Outcome(one, refusals[one.id]) for one in waiting.chosen(reader(), list(refusals))]
    return render_template("approvals/outcomes.html", rows=rows)


def _seen(text: str) -> tuple[UUID, str]:
    """A request's id and the digest of what the page showed of it."""
    row_id, _, digest = text.partition(":")
    return UUID(row_id), digest


def _approve(approval_id: UUID, digest: str) -> str | None:
    try:
        with transaction():
            visible(approval_id).approve(
                by=current_user, seen=digest, carry_out=wiring.ACTIONS, on=current_organization.today
            )
    except Refusal as refusal:
        return refusal.message
    return None
