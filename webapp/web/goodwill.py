"""Giving a member credit, as treasurers and the national office do."""

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.credits import goodwill
from webapp.domain.organizations import Member
from webapp.web.forms import Form, MoneyField
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other


class GoodwillForm(Form):
    amount = MoneyField("Amount", validators=[InputRequired("Enter the amount.")])
    reason = TextAreaField(
        "Reason", validators=[DataRequired("Say why. The member can read it."), Length(max=500)]
    )


def new(persona: str, member: Member, form: GoodwillForm | None = None) -> str:
    return render_template(
        "shared/credit_notes/goodwill.html",
        persona=persona,
        member=member,
        form=form or GoodwillForm(),
        limit=goodwill.cap_of(current_user, member),
    )


def create(persona: str, member: Member) -> Response | tuple[str, int]:
    form = GoodwillForm()
    if not form.validate() or form.amount.data is None:
        return new(persona, member, form), 422
    try:
        with transaction():
            note, _ = goodwill.give(
                member,
                form.amount.data,
                reason=form.reason.data,
                by=current_user,
                on=current_organization.today,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return new(persona, member, form), 422
    if note is None:
        notice = "This waits for approval. Nothing is given until somebody else has decided."
        return see_other(f"{persona}.member", member_id=member.id, notice=notice, tone="calm")
    return see_other(f"{persona}.credit_note", note_id=note.id, notice=f"{note.number} is given.")
