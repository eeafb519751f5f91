"""What mails about money that came, failed or went back say."""

from uuid import UUID

from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits.credit_note import CreditState
from webapp.domain.notifications import (
    credit_mails,
    dispute_mails,
    dispute_wording,
    refund_wording,
    wording,
)
from webapp.domain.notifications.composing.occasion import (
    Composed,
    Occasion,
    Pointless,
    loaded_invoice,
    payment_of,
)
from webapp.domain.payments.disputes import DisputeAnswer
from webapp.domain.payments.payment import Allocation, PaymentState
from webapp.domain.refunds.refund import Refund

_MOST_LETTERS = 3


def receipt(occasion: Occasion) -> Composed:
    payment = payment_of(occasion)
    if payment.state is PaymentState.REVERSED:
        raise Pointless("The payment was recorded by mistake and is reversed.")
    allocations = db.session.scalars(
        Allocation.here()
        .select(Allocation.payment_id == payment.id, Allocation.undone_at.is_(None))
        .order_by(Allocation.id)
    ).all()
    invoices = {one.invoice_id: loaded_invoice(one.invoice_id) for one in allocations[:_MOST_LETTERS]}
    numbers = {
        row.id: row for row in Invoice.here().all(Invoice.id.in_([one.invoice_id for one in allocations]))
    }
    message = wording.receipt(
        occasion.voice,
        payment,
        payment.member,
        settled=[(numbers[one.invoice_id].number, one.amount) for one in allocations],
        owed=sum(invoice.owed for invoice in numbers.values()),
    )
    return message, [occasion.letter(invoice) for invoice in invoices.values()]


def payment_reversed(occasion: Occasion) -> Composed:
    payment = payment_of(occasion)
    return wording.payment_reversed(occasion.voice, payment, payment.member), []


def payment_failed(occasion: Occasion) -> Composed:
    payment = payment_of(occasion)
    invoice = loaded_invoice(occasion.mail.invoice_id) if occasion.mail.invoice_id else None
    pay_url = occasion.pay_url(invoice) if invoice else None
    return wording.payment_failed(occasion.voice, payment, payment.member, invoice, pay_url), []


def paid_twice(occasion: Occasion) -> Composed:
    if occasion.mail.member_id is not None:
        raise Pointless("The member hears of it by the credit note's own mail.")
    payment = payment_of(occasion)
    amount = occasion.mail.details["amount"]
    return wording.paid_twice(occasion.voice, payment, payment.member, amount=amount), []


def credit_note(occasion: Occasion) -> Composed:
    details = occasion.mail.details
    note = credit_mails.loaded(UUID(details["note_id"]))
    if details["what"] == "opened" and note.state is CreditState.WITHDRAWN:
        raise Pointless("The credit note was withdrawn before it was mailed.")
    return credit_mails.ABOUT[details["what"]](occasion.voice, note), [occasion.credit_letter(note)]


def refund(occasion: Occasion) -> Composed:
    details = occasion.mail.details
    statement = Refund.here().select(Refund.id == UUID(details["refund_id"]))
    loaded = statement.options(
        joinedload(Refund.member),
        joinedload(Refund.payment),
        joinedload(Refund.invoice),
        joinedload(Refund.credit_note),
    )
    refund = db.session.scalars(loaded).one()
    message = refund_wording.ABOUT[details["what"]](occasion.voice, refund)
    if refund.credit_note_id is None or occasion.mail.member_id is None:
        return message, []
    return message, [occasion.credit_letter(credit_mails.loaded(refund.credit_note_id))]


def dispute(occasion: Occasion) -> Composed:
    """A reminder is pointless once somebody has answered."""
    details, mail = occasion.mail.details, occasion.mail
    dispute = dispute_mails.loaded(UUID(details["dispute_id"]))
    answered = not dispute.is_answerable or DisputeAnswer.promised_for(dispute) is not None
    if details["what"] == "due" and answered:
        raise Pointless("The dispute was answered, or is over.")
    invoice = loaded_invoice(mail.invoice_id) if mail.invoice_id else None
    facts = dispute_wording.Facts(
        occasion.voice,
        dispute,
        invoice,
        pay_url=occasion.pay_url(invoice) if invoice else None,
        days=dispute_mails.days_left(dispute, occasion.organization, occasion.on),
    )
    return dispute_wording.ABOUT[details["what"], details["reader"]](facts), []
