"""Recording money that came by hand: what it would settle is shown before it is confirmed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateField, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing import spreading
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import (
    Preview,
    PreviewChanged,
    Spread,
    as_named,
    in_proportion,
    oldest_first,
)
from webapp.domain.ledger import overriding
from webapp.domain.organizations import Chapter, Member
from webapp.domain.payments import offline
from webapp.domain.payments.matching import Directory
from webapp.domain.payments.payment import OFFLINE, Method, Payment
from webapp.web.closed_books import DatedForm
from webapp.web.forms import Form, MoneyField, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other

OLDEST, SHARES, CHOSEN = "oldest", "shares", "chosen"
_ORDERS = [
    (OLDEST, "The oldest invoices first"),
    (SHARES, "The same share of every open invoice"),
    (CHOSEN, "The invoices and amounts I choose"),
]
_PART = "part-"
_MOST_OFFERED = 500
_ASIDE = ("csrf_token", "form_key", "seen", "sure")


class PaymentForm(DatedForm):
    """What an officer holds in hand. `seen` and `sure` come with the confirmation."""

    member = StringField("Who paid", [InputRequired("Say who paid."), Length(max=200)])
    amount = MoneyField("Amount", [InputRequired("Enter the amount.")])
    method = SelectField("How it came", choices=offered((one.value, one.label) for one in OFFLINE))
    on = DateField("Received on", [InputRequired("Enter the day.")])
    reference = StringField("Reference", [Length(max=100)])
    order = RadioField("What it settles", choices=offered(_ORDERS), default=OLDEST)
    receipt = BooleanField("Mail a receipt")
    seen = HiddenField()
    sure = BooleanField("This is another payment: record it all the same")


@dataclass
class Found:
    """What the page shows below the form, as far as what was typed makes sense."""

    member: Member | None = None
    owed: Sequence[Invoice] = ()
    preview: Preview | None = None
    alike: Sequence[Payment] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False


def new(persona: str, *, chapter: Chapter | None = None) -> Response:
    """Empty, filled for an invoice or a member, or with the preview of what was typed."""
    if "amount" not in request.args:
        form = PaymentForm(formdata=None, data=_beginning(chapter))
        return _page(persona, form, _known(form, chapter), chapter)
    form = PaymentForm(formdata=request.args, meta={"csrf": False})
    sound, found = form.validate(), _known(form, chapter)
    ready = _look(form, found) and sound
    return _page(persona, form, found, chapter, status=200 if ready else 422)


def create(persona: str, *, chapter: Chapter | None = None) -> Response:
    form = PaymentForm()
    sound, found = form.validate(), _known(form, chapter)
    if not _look(form, found) or not sound:
        return _page(persona, form, found, chapter, status=422)
    if found.alike and not form.sure.data:
        form.refuse(Invalid(fields={"sure": "Say that this is another payment."}))
        return _page(persona, form, found, chapter, status=422)
    try:
        with transaction(), overriding(form.override()):
            payment = _record(form, found)
    except PreviewChanged:
        found = _known(form, chapter)
        found.changed = _look(form, found)
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
        spread=_spread(form, found),
        seen=form.seen.data or None,
        receipt=form.receipt.data,
    )


def _look(form: PaymentForm, found: Found) -> bool:
    """Whether it could be recorded as typed; the form says why not, `found` what would happen."""
    member, amount = found.member, form.amount.data
    if member is None or amount is None or form.on.data is None or form.method.data not in OFFLINE:
        return False
    method = Method(form.method.data)
    try:
        offline.refuse_impossible(amount, method=method, on=form.on.data, today=current_organization.today)
        found.preview = spreading.preview(amount, found.owed, _spread(form, found))
    except Invalid as refusal:
        form.refuse(Invalid(refusal.message, fields=_fields_of_form(refusal)))
        return False
    reference = (form.reference.data or "").strip() or None
    found.alike = offline.alike(member.id, amount, method=method, on=form.on.data, reference=reference)
    return True


def _fields_of_form(refusal: Invalid) -> dict[str, str]:
    """What is wrong with an invoice's part is said at the choice of parts."""
    named = {name: text for name, text in refusal.fields.items() if name in ("amount", "method", "on")}
    others = [text for name, text in refusal.fields.items() if name not in named]
    return named | ({"order": " ".join(dict.fromkeys(others))} if others else {})


def _spread(form: PaymentForm, found: Found) -> Spread:
    if form.order.data == SHARES:
        return in_proportion
    return as_named(_chosen(found.parts)) if form.order.data == CHOSEN else oldest_first


def _chosen(parts: Mapping[str, str]) -> dict[UUID, int]:
    organization, named = current_organization, {}
    for invoice_id, text in parts.items():
        if text.strip():
            try:
                named[UUID(invoice_id)] = money.parse(text, organization.currency, organization.locale)
            except ValueError as error:
                raise NotFound from error
    if not named:
        raise Invalid(fields={"order": "Enter what settles which invoice."})
    return named


def _known(form: PaymentForm, chapter: Chapter | None) -> Found:
    """Whom the form means, what that member owes, and what was typed beside the invoices."""
    found = Found(parts=_typed_parts())
    if not form.member.data:
        return found
    match = Directory([form.member.data], chapter.id if chapter else None).match([form.member.data])
    if match.member is None:
        form.refuse(Invalid(fields={"member": match.problem or "Nobody here has this name."}))
        return found
    found.member, found.owed = match.member, spreading.open_invoices(match.member.id)
    return found


def _typed_parts() -> dict[str, str]:
    given = request.form if request.method == "POST" else request.args
    return {name.removeprefix(_PART): text for name, text in given.items() if name.startswith(_PART)}


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
