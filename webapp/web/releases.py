"""Giving a credit note back to the payer, as treasurers and the national office do."""

from collections.abc import Sequence

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds import cap
from webapp.domain.refunds.refund import How
from webapp.domain.refunds.releasing import release_of
from webapp.domain.refunds.requesting import Terms
from webapp.web.credit_notes import loaded
from webapp.web.filters import money_text
from webapp.web.forms import Form, MoneyField, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other


class ReleaseForm(Form):
    amount = MoneyField("Amount", [InputRequired("Enter how much goes back.")])
    how = RadioField("How it goes back", choices=[])
    check_number = StringField("Check number", [Length(max=40)])
    reason = TextAreaField("Reason", [InputRequired("Say why. Others will read it."), Length(max=500)])

    @property
    def terms(self) -> Terms:
        return Terms(
            amount=self.amount.data or 0,
            how=How(self.how.data),
            reason=self.reason.data,
            check_number=self.check_number.data or None,
        )


def new(persona: str, note: CreditNote, form: ReleaseForm | None = None) -> str:
    ways = _ways(note)
    form = form or _offering(ways, ReleaseForm(formdata=None, amount=note.amount, how=ways[0].value))
    return render_template(
        "shared/credit_notes/release.html",
        persona=persona,
        note=note,
        form=form,
        by_processor=How.ORIGINAL in ways,
        cap=cap.cap_on_note(note, current_user),
    )


def create(persona: str, note: CreditNote) -> Response | tuple[str, int]:
    form, payer = _offering(_ways(note), ReleaseForm()), note.member.name
    if not form.validate():
        return new(persona, note, form), 422
    try:
        with transaction():
            asked = release_of(note.id, form.terms, by=current_user, on=current_organization.today)
    except Invalid as refusal:
        form.refuse(refusal)
        return new(persona, loaded(note.id), form), 422
    shown = money_text(asked.refund.amount, note.currency)
    told = f"{shown} goes back to {payer}."
    if asked.approval is not None:
        told = f"{shown} is above what you may give back alone. It waits for approval; no money has moved."
    return see_other(
        f"{persona}.credit_note",
        note_id=note.id,
        notice=told,
        tone="calm" if asked.approval is not None else "good",
    )


def _offering(ways: Sequence[How], form: ReleaseForm) -> ReleaseForm:
    form.how.choices = offered((how.value, how.label) for how in ways)
    return form


def _ways(note: CreditNote) -> list[How]:
    """Back to where its money came from, if it came through a processor, or by check."""
    return How.back_to(Payment.here().all(Payment.id == note.payment_id) if note.payment_id else [])
