"""From "Pay" to the processor's page and back, the same with a login and without one."""

import time
from typing import Any
from uuid import UUID

from flask import redirect, request
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp import at_processor, wiring
from webapp.core import clock
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, NotFound
from webapp.core.jobs import Job, later
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.payments import checkout as checkouts
from webapp.domain.payments import circuit
from webapp.domain.payments.checkout import Checkout, CheckoutState, ReturnAddresses
from webapp.domain.payments.gateway import GatewayBusy, GatewayRefused, GatewayUnavailable
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.payments.processor import PaymentProcessor

_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds to wait for somebody else who has the same page opened right now, before each further look."""

_LOOK_EVERY = 5


def go_to_checkout(invoice_id: UUID, addresses: ReturnAddresses, *, part: int | None = None) -> Response:
    """Off to the processor's page (303), by our own full redirect; to our own while it does not answer."""
    try:
        opened = open_checkout(invoice_id, addresses, part=part)
    except GatewayUnavailable:
        with transaction():
            begun = Checkout.unfinished_of(invoice_id)
        if begun is None:
            raise
        return redirect(f"{addresses.done.replace('{checkout}', str(begun.id))}?trying=1", 303)
    assert opened.url is not None
    return redirect(opened.url, 303)


def trying() -> str | None:
    """In the address of whoever still waits to be sent to the processor's page, and has not been there."""
    return request.args.get("trying")


def open_checkout(invoice_id: UUID, addresses: ReturnAddresses, *, part: int | None = None) -> Checkout:
    """The invoice's live checkout, for all that is owed or a part of it.

    What it was before is repeated, or closed first, until one can be paid.
    """
    for pause in _PAUSES:
        with transaction():
            checkout = checkouts.begin(invoice_id, addresses=addresses, now=clock.now(), part=part)
            processor = PaymentProcessor.here().get(checkout.processor_id)
            payment = Payment.here().get(checkout.payment_id)
        if checkout.state is CheckoutState.LIVE:
            return checkout
        if checkout.state is CheckoutState.CLOSING:
            at_processor.look_up(checkout.id)
        else:
            _ask(checkout, processor, payment, pause)
    raise Conflict("This invoice is changing right now.", next_step="Wait a moment and try again.")


def addresses(pay_page: str) -> ReturnAddresses:
    """Where the processor sends the payer back to, on the host that people use."""
    host = wiring.settings().public_url
    return ReturnAddresses(
        done=f"{host}{pay_page}/checkouts/{{checkout}}", canceled=f"{host}{pay_page}?canceled=1"
    )


def shown(invoice: Invoice) -> dict[str, Any]:
    """What the pay page says about an invoice, and whether it can be paid online now."""
    wanted = InvoiceLine.here().select(InvoiceLine.invoice_id == invoice.id).order_by(InvoiceLine.position)
    lines = db.session.scalars(wanted.options(joinedload(InvoiceLine.reason))).all()
    online = PaymentProcessor.here().first(PaymentProcessor.active.is_(True))
    return {"invoice": invoice, "lines": lines, "can_pay": online is not None and invoice.is_payable}


def checkout_of(invoice: Invoice, checkout_id: UUID) -> Checkout:
    """The checkout with its payment and invoice, if it is one of this invoice."""
    statement = Checkout.here().select(Checkout.id == checkout_id, Checkout.invoice_id == invoice.id)
    loaded = statement.options(joinedload(Checkout.payment), joinedload(Checkout.invoice))
    found = db.session.scalars(loaded).first()
    if found is None:
        raise NotFound
    return found


def is_waiting(checkout: Checkout) -> bool:
    """Whether the processor may know more than we do."""
    return checkout.payment.state in (PaymentState.STARTED, PaymentState.UNKNOWN)


def look_again(checkout: Checkout) -> None:
    """Somebody waits for the outcome: have the processor asked now, at most every few seconds."""
    moment = int(clock.now().timestamp()) // _LOOK_EVERY
    with transaction():
        if not circuit.is_open(PaymentProcessor.here().get(checkout.processor_id), now=clock.now()):
            later(Job.LOOK_UP_CHECKOUT, once=f"{checkout.id}:{moment}", checkout_id=checkout.id)


def _ask(checkout: Checkout, processor: PaymentProcessor, payment: Payment, pause: float) -> None:
    try:
        with at_processor.asking(processor) as gateway:
            page = gateway.open_checkout(
                checkout.order(payment.currency), idempotency_key=checkout.idempotency_key
            )
    except GatewayBusy:
        time.sleep(pause)
        return
    except GatewayUnavailable:
        with transaction():
            checkouts.asked_in_vain(checkout.id)
        raise
    except GatewayRefused as refusal:
        with transaction():
            checkouts.refused(checkout.id, refusal.message)
        raise
    with transaction():
        checkouts.hold(checkout.id).checkout.opened(page)
