"""Who decides in the place of a national admin, and until when."""

from typing import Any
from uuid import UUID

from flask import render_template
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import DateField, SelectField
from wtforms.validators import InputRequired

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.approvals import ApprovalDelegation, delegation
from webapp.domain.organizations import Login
from webapp.web.confirmation import confirmed
from webapp.web.forms import Form, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once

MOST = 100


class DelegationForm(Form):
    to = SelectField("Who decides", [InputRequired("Choose who decides.")], coerce=str)
    until = DateField("Until", [InputRequired("Choose the last day.")], description="That day included.")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        people = [(str(login.id), f"{login.name}, {login.email}") for login in delegation.candidates()]
        self.to.choices = offered([("", "Choose"), *people])


@national.get("/approvals/delegations/", endpoint="approval_delegations")
def index() -> str:
    return _page(DelegationForm(formdata=None))


@national.post("/approvals/delegations/")
@confirmed
@acts_once
def create_approval_delegation() -> Response | tuple[str, int]:
    form = DelegationForm()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction() as session:
            to = session.get_one(Login, UUID(form.to.data))
            delegation.delegate(to, until=form.until.data, by=current_user, on=current_organization.today)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), 422
    return see_other("national.approval_delegations", notice=f"{to.name} decides in your place now, too.")


@national.post("/approvals/delegations/<uuid:delegation_id>/revocation")
@confirmed
def revoke_approval_delegation(delegation_id: UUID) -> Response:
    with transaction():
        ApprovalDelegation.here().get(delegation_id, lock=True).revoke(by=current_user)
    return see_other("national.approval_delegations", notice="The delegation is over.")


def _page(form: DelegationForm) -> str:
    found = ApprovalDelegation.here().select().order_by(ApprovalDelegation.id.desc()).limit(MOST)
    people = joinedload(ApprovalDelegation.from_), joinedload(ApprovalDelegation.to)
    return render_template(
        "national/approval_delegations/index.html",
        form=form,
        rows=db.session.scalars(found.options(*people)).all(),
        today=current_organization.today,
    )
