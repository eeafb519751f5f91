"""Withdrawing goodwill, or what is left of it: what it does to the books is shown first."""

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.domain.credits import goodwill, withdrawing
from webapp.domain.credits.credit_note import CreditNote
from webapp.web.forms import ReasonForm
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other


def new(persona: str, note: CreditNote, form: ReasonForm | None = None) -> str:
    withdrawable = withdrawing.can_be_withdrawn(note)
    return render_template(
        "shared/credit_notes/withdrawal.html",
        persona=persona,
        note=note,
        form=form or ReasonForm(formdata=None),
        withdrawable=withdrawable,
        moves=withdrawing.moves_of(note) if withdrawable else [],
        limit=goodwill.cap_of(current_user, note.member),
    )


def create(persona: str, note: CreditNote) -> Response | tuple[str, int]:
    form = ReasonForm()
    if not form.validate():
        return new(persona, note, form), 422
    with transaction():
        _, request = withdrawing.withdraw(
            note.id, reason=form.reason.data, by=current_user, on=current_organization.today
        )
    if request is None:
        return see_other(f"{persona}.credit_note", note_id=note.id, notice=f"{note.number} is withdrawn.")
    told = "This waits for approval. Until somebody else has decided, nobody can use the credit note."
    return see_other(f"{persona}.credit_note", note_id=note.id, notice=told, tone="calm")
