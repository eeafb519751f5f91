"""What we learn about payments from a processor, at any moment and in any order, whoever started them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, or_

from webapp.core import audit
from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import fill
from webapp.domain.organizations import Login
from webapp.domain.payments import allocation, fees, meant
from webapp.domain.payments.gateway import ProcessorPayment
from webapp.domain.payments.offline import promise_receipt
from webapp.domain.payments.payment import FeeState, Method, Payment, PaymentState
from webapp.domain.payments.saved_charges import UNANSWERED


class NotOurs(Conflict):
    """The object at the processor names other rows, or another sum, than what it was found by."""

    code = "not-ours"
    message = "What the processor shows does not belong to this payment."
    next_step = "Compare the payment with the processor's own page."


@dataclass(frozen=True)
class Held:
    """A payment with the invoices it is meant for, oldest first, all locked for change."""

    payment: Payment
    invoices: list[Invoice]


def hold(payment_id: UUID) -> Held:
    """Lock the invoices in id order, then the payment, as everywhere."""
    wanted = Invoice.here().select(Invoice.id.in_(meant.invoices_of(payment_id))).order_by(Invoice.id)
    locked = db.session.scalars(wanted.with_for_update().execution_options(populate_existing=True))
    invoices = sorted(locked, key=lambda invoice: (invoice.due_on, invoice.id))
    return Held(Payment.here().get(payment_id, lock=True), invoices)


def copy(payment: Payment, seen: ProcessorPayment) -> None:
    """What the processor says of it, its state aside."""
    payment.intent_reference = seen.reference
    payment.charge_reference = seen.charge_reference or payment.charge_reference
    payment.payer_detail = seen.payer_detail or payment.payer_detail
    if seen.method in (Method.CARD, Method.ACH_DEBIT):
        payment.method = Method(seen.method)
    if payment.state is not PaymentState.SUCCEEDED:
        payment.failure_code, payment.failure_message = seen.failure_code, seen.failure_message


def take_fee(held: Held, seen: ProcessorPayment | None, *, on: date) -> None:
    """What the processor kept of money that came in; then it is booked."""
    if held.payment.waits_for_its_fee and seen is not None:
        fees.take_note(held.payment, seen)
        receive_if_ready(held, on=on, by=None)


def receive_if_ready(held: Held, *, on: date, by: Login | None) -> None:
    """Book the payment once its fee is confirmed; what the invoices don't need becomes a credit note."""
    payment = held.payment
    if not payment.waits_for_its_fee or payment.fee_state is not FeeState.CONFIRMED:
        return
    settled = list(fill(payment.amount, held.invoices))
    allocation.receive(payment, settled, on=on, today=on, by=by)
    received = {"amount": payment.amount, "fee": payment.fee, "credited_amount": payment.credited}
    audit.record("payment_received", payment, by=by, after=received)
    mark_processing(held)
    promise_receipt(payment)
    if payment.credited:
        later(Job.ANNOUNCE, once=f"paid_twice:{payment.id}", what="paid_twice", payment_id=payment.id)
    if by is not None:
        later(Job.LOOK_UP_PAYMENT, payment_id=payment.id)


def mark_processing(held: Held) -> None:
    """Whether money for these invoices is on its way: a debit, a payment that waits for its fee, or a charge
    that the processor is being asked for."""
    db.session.flush()
    on_its_way = set(_on_its_way(held.invoices))
    for invoice in held.invoices:
        invoice.set_processing(invoice.id in on_its_way)


def _on_its_way(invoices: list[Invoice]) -> Iterator[UUID]:
    part = meant.PARTS.c
    waits = and_(Payment.state == PaymentState.SUCCEEDED, Payment.received_on.is_(None))
    asked = and_(Payment.state.in_(UNANSWERED), part.unattended)
    found = (
        Payment.here()
        .select(or_(Payment.state == PaymentState.PROCESSING, waits, asked))
        .join(
            meant.PARTS, and_(part.organization_id == Payment.organization_id, part.payment_id == Payment.id)
        )
        .where(part.invoice_id.in_([invoice.id for invoice in invoices]))
        .with_only_columns(part.invoice_id)
    )
    yield from db.session.scalars(found)
