"""Recording money that came by hand: what it would settle is shown before it is confirmed."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import PreviewChanged
from webapp.domain.ledger import overriding
from webapp.domain.organizations import Chapter, Member
from webapp.domain.payments import offline
from webapp.domain.payments.payment import Method, Payment
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.payment_entry import Found, PaymentForm, known, look, spread_of

_MOST_OFFERED = 500
_ASIDE = ("csrf_token", "form_key", "seen", "sure")


def new(persona: str, *, chapter: Chapter | None = None) -> Response:
    """Empty, filled for an invoice or a member, or with the preview of what was typed."""
    if "amount" not in request.args:
        form = PaymentForm(formdata=None, data=_beginning(chapter))
        return _page(persona, form, known(form, chapter), chapter)
    form = PaymentForm(formdata=request.args, meta={"csrf": False})
    sound, found = form.validate(), known(form, chapter)
    ready = look(form, found) and sound
    return _page(persona, form, found, chapter, status=200 if ready else 422)


def create(persona: str, *, chapter: Chapter | None = None) -> Response:
    form = PaymentForm()
    sound, found = form.validate(), known(form, chapter)
    if not look(form, found) or not sound:
        return _page(persona, form, found, chapter, status=422)
    if found.alike and not form.sure.data:
        form.refuse(Invalid(fields={"sure": "Say that this is another payment."}))
        return _page(persona, form, found, chapter, status=422)
    try:
        with transaction(), overriding(form.override()):
            payment = _record(form, found)
    except PreviewChanged:
        found = known(form, chapter)
        found.changed = look(form, found)
        return _page(persona, form, found, chapter, status=409)
    notice = f"{money.display(payment.amount, payment.currency, current_organization.locale)} is recorded."
    return see_other(f"{persona}.payment", payment_id=payment.id, notice=notice)


def _record(form: PaymentForm, found: Found) -> Payment:
    assert found.member is not None and form.amount.data is not None, "The form was looked at"
    return offline.record_offline(
        found.member,
        form.amount.data,
        method=Method(form.method.data),
        on=form.on.data,
        by=current_user,
        reference=(form.reference.data or "").strip() or None,
        spread=spread_of(form, found),
        seen=form.seen.data or None,
        receipt=form.receipt.data,
    )


def _beginning(chapter: Chapter | None) -> dict[str, Any]:
    """From a member's page, from an invoice's, or from nowhere."""
    begun: dict[str, Any] = {"on": current_organization.today, "method": Method.CHECK.value, "receipt": True}
    if invoice_id := request.args.get("invoice", type=UUID):
        invoice = db.session.scalars(
            Invoice.here().select(Invoice.id == invoice_id).options(joinedload(Invoice.member))
        ).first()
        if invoice is None or (chapter is not None and invoice.chapter_id != chapter.id):
            raise NotFound
        return begun | {"member": invoice.member.number, "amount": invoice.owed or None}
    given = {name: request.args[name] for name in ("member", "method", "reference") if name in request.args}
    return begun | given | {"on": request.args.get("on", begun["on"], type=date.fromisoformat)}


def _page(
    persona: str, form: PaymentForm, found: Found, chapter: Chapter | None, *, status: int = 200
) -> Response:
    given = request.form if request.method == "POST" else request.args
    offer = [Member.chapter_id == chapter.id] if chapter else []
    some = Member.here().select(*offer).order_by(Member.last_name, Member.first_name).limit(_MOST_OFFERED)
    page = render_template(
        "shared/payments/new.html",
        persona=persona,
        form=form,
        fresh=Form(formdata=None),
        found=found,
        settles={invoice.id: part for invoice, part in found.preview.parts} if found.preview else {},
        typed=[(name, text) for name, text in given.items(multi=True) if name not in _ASIDE],
        members=db.session.scalars(some).all() if chapter else [],
    )
    return Response(page, status, mimetype="text/html")
