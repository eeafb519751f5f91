"""Taking a payment off an invoice, and settling something else with it: shown first, then done at once."""

from uuid import UUID

from flask import request
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import PreviewChanged
from webapp.domain.payments import reallocating
from webapp.domain.payments.payment import Allocation, Payment
from webapp.web import spreading
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.spreading import Choice

NOWHERE = "nowhere"


def loaded(allocation_id: UUID, *, chapter_id: UUID | None = None) -> Allocation:
    """With its payment and member; a treasurer finds only those of the own chapter."""
    statement = Allocation.here().select(Allocation.id == allocation_id)
    found = db.session.scalars(
        statement.options(joinedload(Allocation.payment).joinedload(Payment.member))
    ).first()
    if found is None or chapter_id not in (None, found.payment.chapter_id):
        raise NotFound
    return found


def new(persona: str, chosen: Allocation, *, status: int = 200, changed: bool = False) -> Response:
    payment = chosen.payment
    shown = spreading.looked_at(_choice(), chosen.amount, reallocating.others(chosen, payment))
    return respond(
        "shared/reallocations/new.html",
        "shared/reallocations/_new.html",
        status=422 if shown["problem"] and "way" in request.values else status,
        persona=persona,
        allocation=chosen,
        payment=payment,
        invoice=Invoice.here().get(chosen.invoice_id),
        form=Form(formdata=None),
        changed=changed,
        **shown,
    )


def create(persona: str, chosen: Allocation) -> Response:
    if not Form().validate():
        return new(persona, chosen, status=422)
    try:
        with transaction():
            reallocating.reallocate(
                chosen.id,
                _choice().spread,
                seen=request.form.get("seen", ""),
                on=current_organization.today,
                by=current_user,
            )
    except Invalid:
        return new(persona, loaded(chosen.id), status=422)
    except PreviewChanged:
        return new(persona, loaded(chosen.id), status=409, changed=True)
    number = Invoice.here().get(chosen.invoice_id).number
    return see_other(
        f"{persona}.invoice", invoice_id=chosen.invoice_id, notice=f"Taken off invoice {number}."
    )


def _choice() -> Choice:
    return Choice.read(nowhere=reallocating.nowhere)
