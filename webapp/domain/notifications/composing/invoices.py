"""What mails about an invoice, or about all of a member's, say."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from webapp.domain.billing.adjustments import Adjustment, AdjustmentState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.late_fees import LateFee
from webapp.domain.notifications import (
    reminder_texts,
    statement_mails,
    wording,
)
from webapp.domain.notifications.composing.occasion import Composed, Occasion, Pointless, loaded_invoice
from webapp.domain.notifications.reminder_texts import Wording
from webapp.domain.notifications.reminders import why_not
from webapp.domain.organizations import Member


def issued(occasion: Occasion) -> Composed:
    invoice = loaded_invoice(occasion.mail.invoice_id)
    if invoice.is_void:
        raise Pointless("The invoice was voided before it was mailed.")
    message = wording.invoice(occasion.voice, invoice, invoice.member, occasion.pay_url(invoice))
    return message, [occasion.letter(invoice)]


def reminder(occasion: Occasion) -> Composed:
    """Whether it is still owed is asked with the invoice locked, in the transaction that lets the mail go."""
    assert occasion.mail.invoice_id is not None
    Invoice.here().get(occasion.mail.invoice_id, lock=True)
    invoice = loaded_invoice(occasion.mail.invoice_id)
    if reason := why_not(invoice, invoice.member, on=occasion.on):
        raise Pointless(reason)
    details, pay_url = occasion.mail.details, occasion.pay_url(invoice)
    step = None if details.get("by_hand") else details["offset"]
    return reminder_texts.reminder(occasion.organization, invoice, pay_url, on=occasion.on, days=step), []


def reminder_test(occasion: Occasion) -> Composed:
    """To whoever writes the text, about somebody's invoice: its link does not open that."""
    details = occasion.mail.details
    invoice, said = loaded_invoice(UUID(details["invoice_id"])), Wording(**details["said"])
    message = reminder_texts.specimen(
        occasion.organization,
        invoice,
        occasion.links.sign_in(),
        said,
        on=invoice.due_on + timedelta(days=details["days"]),
        language=details["language"],
    )
    return replace(message, subject=f"Test: {message.subject}"), []


def new_link(occasion: Occasion) -> Composed:
    invoice = loaded_invoice(occasion.mail.invoice_id)
    pay_url = occasion.pay_url(invoice)
    return wording.new_link(occasion.voice, invoice, invoice.member, pay_url), [occasion.letter(invoice)]


def cancellation(occasion: Occasion) -> Composed:
    invoice = loaded_invoice(occasion.mail.invoice_id)
    return wording.cancellation(occasion.voice, invoice, invoice.member), []


def adjusted(occasion: Occasion) -> Composed:
    invoice = loaded_invoice(occasion.mail.invoice_id)
    adjustment = Adjustment.here().get(UUID(occasion.mail.details["adjustment_id"]))
    pay_url = occasion.pay_url(invoice)
    if adjustment.state is AdjustmentState.DENIED:
        return wording.hardship_denied(occasion.voice, invoice, adjustment, pay_url), []
    return wording.adjusted(occasion.voice, invoice, adjustment, pay_url), []


def late_fee(occasion: Occasion) -> Composed:
    invoice = loaded_invoice(occasion.mail.invoice_id)
    fee = LateFee.here().first(LateFee.invoice_id == invoice.id)
    if fee is None or not invoice.owed:
        raise Pointless("Nothing is owed on the invoice any more.")
    message = wording.late_fee(occasion.voice, invoice, fee, occasion.pay_url(invoice))
    return message, [occasion.letter(invoice)]


def statement(occasion: Occasion) -> Composed:
    assert occasion.mail.member_id is not None, "A statement by mail is a member's"
    member, found = Member.here().get(occasion.mail.member_id), statement_mails.stated(occasion.mail)
    if reason := statement_mails.why_not(found):
        raise Pointless(reason)
    sheets = statement_mails.sheets(found, member, occasion.organization, test_mode=occasion.test_mode)
    return statement_mails.message(occasion.voice, member, found), list(sheets)
