"""Using a credit note: what it would settle is shown first. And taking it off an invoice again."""

from uuid import UUID

from flask import request
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import PreviewChanged, open_invoices
from webapp.domain.credits import applying
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote
from webapp.web import spreading
from webapp.web.credit_notes import loaded
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.spreading import Choice


def new(persona: str, note: CreditNote, *, status: int = 200, changed: bool = False) -> Response:
    shown = spreading.looked_at(Choice.read(), note.amount, open_invoices(note.member_id))
    return respond(
        "shared/credit_notes/application.html",
        "shared/credit_notes/_application.html",
        status=422 if shown["problem"] and "way" in request.values else status,
        persona=persona,
        note=note,
        form=Form(formdata=None),
        changed=changed,
        **shown,
    )


def create(persona: str, note: CreditNote) -> Response:
    form, choice = Form(), Choice.read()
    if not form.validate():
        return new(persona, note, status=422)
    try:
        with transaction():
            applying.apply(
                note.id,
                choice.spread,
                seen=request.form.get("seen", ""),
                on=current_organization.today,
                by=current_user,
            )
    except Invalid:
        return new(persona, loaded(note.id), status=422)
    except PreviewChanged:
        return new(persona, loaded(note.id), status=409, changed=True)
    return see_other(f"{persona}.credit_note", note_id=note.id, notice=f"{note.number} is applied.")


def undo(persona: str, application_id: UUID, *, chapter_id: UUID | None = None) -> Response:
    """It comes back as a new note."""
    found = CreditApplication.here().get(application_id)
    with transaction():
        invoice = Invoice.here().get(found.invoice_id, lock=True)
        application = CreditApplication.here().get(application_id, lock=True)
        if chapter_id is not None:
            CreditNote.here().get(application.credit_note_id).refuse_outside(chapter_id)
        if application.undone_at is not None:
            raise Conflict(f"This was taken off invoice {invoice.number} already.")
        child = applying.undo(application, invoice, on=current_organization.today, by=current_user)
    notice = f"Taken off invoice {invoice.number}. It is credit note {child.number} now."
    return see_other(f"{persona}.credit_note", note_id=child.id, notice=notice)
