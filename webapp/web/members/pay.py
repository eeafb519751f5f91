"""A signed-in member pays an own invoice."""

from uuid import UUID

from flask import render_template, request, url_for
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp.core.db import db
from webapp.core.errors import NotFound
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.checkout import Checkout
from webapp.web import paying
from webapp.web.gates import current_member
from webapp.web.htmx import is_swap, respond, see_other
from webapp.web.members import members


@members.get("/invoices/<uuid:invoice_id>/pay")
def pay(invoice_id: UUID) -> str:
    return render_template(
        "members/pay/show.html", **paying.shown(_invoice(invoice_id)), came_back="canceled" in request.args
    )


@members.post("/invoices/<uuid:invoice_id>/pay/checkouts")
def create_checkout(invoice_id: UUID) -> Response:
    invoice = _invoice(invoice_id)
    return paying.go_to_checkout(invoice.id, paying.addresses(url_for("members.pay", invoice_id=invoice.id)))


@members.get("/invoices/<uuid:invoice_id>/pay/checkouts/<uuid:checkout_id>")
def checkout_outcome(invoice_id: UUID, checkout_id: UUID) -> Response:
    return _outcome(paying.checkout_of(_invoice(invoice_id), checkout_id))


@members.post("/invoices/<uuid:invoice_id>/pay/checkouts/<uuid:checkout_id>/looks")
def create_checkout_look(invoice_id: UUID, checkout_id: UUID) -> Response:
    checkout = paying.checkout_of(_invoice(invoice_id), checkout_id)
    if paying.is_waiting(checkout):
        paying.look_again(checkout)
    if is_swap():
        return _outcome(checkout)
    return see_other(
        "members.checkout_outcome", invoice_id=invoice_id, checkout_id=checkout_id, trying=paying.trying()
    )


def _invoice(invoice_id: UUID) -> Invoice:
    statement = Invoice.here().select(Invoice.id == invoice_id, Invoice.member_id == current_member.id)
    found = db.session.scalars(
        statement.options(joinedload(Invoice.member), joinedload(Invoice.period))
    ).first()
    if found is None:
        raise NotFound
    return found


def _outcome(checkout: Checkout) -> Response:
    invoice_id, checkout_id = checkout.invoice_id, checkout.id
    return respond(
        "members/pay/outcome.html",
        "shared/paying/_outcome.html",
        checkout=checkout,
        payment=checkout.payment,
        invoice=checkout.invoice,
        trying=paying.trying() is not None,
        look_url=url_for(
            "members.create_checkout_look",
            invoice_id=invoice_id,
            checkout_id=checkout_id,
            trying=paying.trying(),
        ),
        invoice_url=url_for("members.pay", invoice_id=invoice_id),
        pdf_url=url_for("members.invoice_pdf", invoice_id=invoice_id),
    )
