"""One invoice by the link in its mail: look at it, pay it, and learn what became of it. No login."""

from uuid import UUID

from flask import render_template, request, url_for
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core import clock
from webapp.core.db import db, noting
from webapp.core.errors import NotFound
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.checkout import Checkout, ReturnAddresses
from webapp.web import paying
from webapp.web.htmx import is_swap, respond, see_other
from webapp.web.public import visitors


class LinkIsOld(NotFound):
    message = "This link does not work any more."
    next_step = "Use the link in the newest mail about this invoice, or ask the treasurer for a new one."


@visitors.get("/pay/<token>")
def pay(token: str) -> str:
    invoice = invoice_of(token)
    _note_opening(invoice)
    return render_template(
        "public/pay/show.html",
        **paying.shown(invoice),
        token=token,
        came_back="canceled" in request.args,
    )


@visitors.post("/pay/<token>/checkouts")
def create_checkout(token: str) -> Response:
    return paying.go_to_checkout(invoice_of(token).id, _addresses(token))


@visitors.get("/pay/<token>/checkouts/<uuid:checkout_id>")
def checkout_outcome(token: str, checkout_id: UUID) -> Response:
    return _outcome(token, _checkout(token, checkout_id))


@visitors.post("/pay/<token>/checkouts/<uuid:checkout_id>/looks")
def create_checkout_look(token: str, checkout_id: UUID) -> Response:
    checkout = _checkout(token, checkout_id)
    if paying.is_waiting(checkout):
        paying.look_again(checkout)
    if is_swap():
        return _outcome(token, checkout)
    return see_other(
        "visitors.checkout_outcome", token=token, checkout_id=checkout_id, trying=paying.trying()
    )


def _note_opening(invoice: Invoice) -> None:
    """The one thing a look leaves behind: that the mail arrived and was opened, and when."""
    if invoice.first_opened_at is None and request.method == "GET":
        with noting():
            invoice.first_opened_at = clock.now()


def invoice_of(token: str) -> Invoice:
    named = pay_link.read(token, wiring.settings().secret_key)
    if named is None:
        raise LinkIsOld
    invoice_id, version = named
    statement = Invoice.here().select(Invoice.id == invoice_id, Invoice.pay_link_version == version)
    found = db.session.scalars(
        statement.options(joinedload(Invoice.member), joinedload(Invoice.period))
    ).first()
    if found is None:
        raise LinkIsOld
    return found


def _checkout(token: str, checkout_id: UUID) -> Checkout:
    return paying.checkout_of(invoice_of(token), checkout_id)


def _outcome(token: str, checkout: Checkout) -> Response:
    return respond(
        "public/pay/outcome.html",
        "shared/paying/_outcome.html",
        checkout=checkout,
        payment=checkout.payment,
        invoice=checkout.invoice,
        trying=paying.trying() is not None,
        look_url=url_for(
            "visitors.create_checkout_look", token=token, checkout_id=checkout.id, trying=paying.trying()
        ),
        invoice_url=url_for("visitors.pay", token=token),
        pdf_url=url_for("visitors.invoice_pdf", token=token),
    )


def _addresses(token: str) -> ReturnAddresses:
    return paying.addresses(url_for("visitors.pay", token=token))
