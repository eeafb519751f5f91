"""What we say, by occasion. Plain facts in, a message out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from babel.dates import format_date, format_datetime

from webapp.core import clock, money
from webapp.domain.billing.adjustments import Adjustment, Direction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.late_fees import LateFee
from webapp.domain.notifications.messages import Message
from webapp.domain.organizations import (
    Member,
    Organization,
    languages,
)
from webapp.domain.payments.payment import Payment


@dataclass(frozen=True)
class Voice:
    """How this organization writes amounts and days, in its own language unless another one is named."""

    organization: Organization
    language: str | None = None

    def money(self, amount: int) -> str:
        return money.display(amount, self.organization.currency, self.locale)

    def day(self, day: date) -> str:
        return format_date(day, "long", locale=self.locale)

    def moment(self, moment: datetime) -> str:
        zone = clock.zone(self.organization.timezone)
        return format_datetime(moment, "long", tzinfo=zone, locale=self.locale)

    @property
    def locale(self) -> str:
        if self.language is None:
            return self.organization.locale
        return languages.locale_of(self.language, self.organization)

    @property
    def name(self) -> str:
        return self.organization.name


def invoice(voice: Voice, invoice: Invoice, member: Member, pay_url: str) -> Message:
    due = voice.day(invoice.due_on)
    return Message(
        subject=f"Invoice {invoice.number}: {voice.money(invoice.owed)} due {due}",
        title=f"{invoice.period.name}: your invoice",
        greeting=dear(member),
        paragraphs=[f"Here is invoice {invoice.number} from {voice.name}. It is attached as a PDF."],
        amount=(f"Due {due}", invoice.owed),
        rows=[(line.description, line.amount) for line in invoice.lines[:30]] + _less(invoice),
        total=("Amount due", invoice.owed),
        button=("See and pay the invoice", pay_url),
        afterwards=["The link opens this invoice without a password, so keep it to yourself."],
    )


def reminder(voice: Voice, invoice: Invoice, member: Member, pay_url: str, *, on: date) -> Message:
    owed, days = voice.money(invoice.owed), (invoice.due_on - on).days
    if days > 0:
        when, sentence = f"due in {_days(days)}", "This is a reminder before the due date. Nothing is late."
    elif days == 0:
        when, sentence = "due today", "Today is the due date."
    else:
        when, sentence = f"{_days(-days)} overdue", "The due date has passed, and we have not seen a payment."
    return Message(
        subject=f"Reminder: {owed} is {when}, invoice {invoice.number}",
        title=f"{owed} is {when}",
        greeting=dear(member),
        paragraphs=[f"{sentence} Invoice {invoice.number} is for {invoice.period.name}."],
        amount=(f"Due {voice.day(invoice.due_on)}", invoice.owed),
        button=("See and pay the invoice", pay_url),
        afterwards=[
            "Paid in the last few days? Then thank you, and nothing is left to do.",
            "If you can't pay this now, answer this mail. Your treasurer would rather hear from you.",
        ],
    )


def receipt(
    voice: Voice, payment: Payment, member: Member, settled: Sequence[tuple[str, int]], owed: int
) -> Message:
    assert payment.received_on is not None, "A receipt is for money that came in"
    facts: list[tuple[str, str | date]] = [
        ("Received", payment.received_on),
        ("Paid by", payment.payer_detail or payment.method.label),
    ]
    if payment.reference:
        facts.append(("Reference", payment.reference))
    rows = [(f"Invoice {number}", part) for number, part in settled]
    if payment.credited:
        rows.append(("Kept as your credit", payment.credited))
    left = f"{voice.money(owed)} is still owed." if owed else "Nothing is left to pay on it."
    return Message(
        subject=f"Receipt: {voice.money(payment.amount)} received, thank you",
        title="Thank you for your payment",
        greeting=dear(member),
        paragraphs=[f"{voice.name} received your payment.{' ' + left if settled else ''}"],
        amount=("Received", payment.amount),
        facts=facts,
        rows=rows,
        total=("Your payment", payment.amount),
        afterwards=["Keep this mail for your records. You need to do nothing more."],
    )


def payment_reversed(voice: Voice, payment: Payment, member: Member) -> Message:
    assert payment.received_on is not None, "Only what was recorded is reversed"
    amount = voice.money(payment.amount)
    facts: list[tuple[str, str | date]] = [
        ("Recorded for", payment.received_on),
        ("Paid by", payment.method.label),
    ]
    if payment.reference:
        facts.append(("Reference", payment.reference))
    return Message(
        subject=f"Correction: your receipt for {amount} is not valid",
        title=f"Your receipt for {amount} is not valid",
        greeting=dear(member),
        paragraphs=[
            f"{voice.name} had recorded a payment of {amount} from you by mistake, and took that back."
            f" The reason: {payment.reversal_reason}",
            "What it settled is owed again. If you paid another amount, a new receipt follows.",
        ],
        facts=facts,
        afterwards=["Did you pay exactly this? Then answer this mail, and your treasurer looks into it."],
    )


def payment_failed(
    voice: Voice, payment: Payment, member: Member, invoice: Invoice | None, pay_url: str | None
) -> Message:
    amount = voice.money(payment.amount)
    what = f" for invoice {invoice.number}" if invoice else ""
    reason = f" The reason given: {payment.failure_message}" if payment.failure_message else ""
    return Message(
        subject=f"Your payment of {amount} did not go through",
        title=f"Your payment of {amount} did not go through",
        greeting=dear(member),
        paragraphs=[f"Your payment{what} was not completed, so no money was taken.{reason}"],
        amount=("Still to pay", invoice.owed) if invoice and invoice.owed else None,
        button=("Try again", pay_url) if pay_url and invoice and invoice.owed else None,
        afterwards=["You can use another card or bank account, or ask your treasurer how else to pay."],
    )


def paid_twice(voice: Voice, payment: Payment, member: Member, *, amount: int) -> Message:
    """For officers."""
    money_text = voice.money(amount)
    return Message(
        subject=f"{member.name} paid {money_text} more than was owed",
        title=f"{member.name} paid {money_text} more than was owed",
        greeting="Hello,",
        paragraphs=[
            f"A payment of {voice.money(payment.amount)} from {member.name} ({member.number}) came in, and"
            f" {money_text} of it is not needed for the invoice. It became a credit note."
        ],
        amount=("Credit note", amount),
        afterwards=["Ask the member whether to give it back or to use it for another invoice."],
    )


def new_link(voice: Voice, invoice: Invoice, member: Member, pay_url: str) -> Message:
    return Message(
        subject=f"Your link to invoice {invoice.number}",
        title=f"Your link to invoice {invoice.number}",
        greeting=dear(member),
        paragraphs=["You or your treasurer asked for a new link to this invoice. Older ones may be over."],
        amount=(f"Due {voice.day(invoice.due_on)}", invoice.owed) if invoice.owed else None,
        button=("See the invoice", pay_url),
        afterwards=["The link opens this invoice without a password, so keep it to yourself."],
    )


def cancellation(voice: Voice, invoice: Invoice, member: Member) -> Message:
    reason = f" The reason: {invoice.void_reason}" if invoice.void_reason else ""
    return Message(
        subject=f"Invoice {invoice.number} is cancelled: nothing to pay",
        title=f"Invoice {invoice.number} is cancelled",
        greeting=dear(member),
        paragraphs=[f"{voice.name} cancelled this invoice. Please do not pay it.{reason}"],
        amount=("To pay", 0),
        afterwards=["If a new invoice takes its place, it comes in a mail of its own."],
    )


def adjusted(voice: Voice, invoice: Invoice, adjustment: Adjustment, pay_url: str) -> Message:
    """What an adjustment did to the amount to pay, either way."""
    amount, kind = voice.money(adjustment.amount), adjustment.kind.label
    less = adjustment.direction is Direction.LOWERS
    happened = f"{amount} {'less' if less else 'more'} to pay"
    return Message(
        subject=f"Invoice {invoice.number}: {happened}",
        title=happened,
        greeting=dear(invoice.member),
        paragraphs=[
            f"{voice.name} {'took' if less else 'put'} {amount} {'off' if less else 'on'} invoice"
            f" {invoice.number} for {invoice.period.name}. {kind}: {adjustment.reason}"
        ],
        amount=("To pay now", invoice.owed),
        button=("See the invoice", pay_url),
    )


def late_fee(voice: Voice, invoice: Invoice, fee: LateFee, pay_url: str) -> Message:
    """What it was for, what it comes to, and what is to pay now."""
    amount = voice.money(fee.amount)
    return Message(
        subject=f"Invoice {invoice.number}: a late fee of {amount} was added",
        title=f"A late fee of {amount} was added",
        greeting=dear(invoice.member),
        paragraphs=[
            f"Invoice {invoice.number} for {invoice.period.name} was due on {voice.day(invoice.due_on)}, and"
            f" {voice.money(fee.owed)} was still to pay. {voice.name} charges a late fee once, and no more"
            " follows for this invoice."
        ],
        amount=("To pay now", invoice.owed),
        rows=[(line.description, line.amount) for line in invoice.lines[:30]] + _less(invoice),
        total=("Amount due", invoice.owed),
        button=("See and pay the invoice", pay_url),
        afterwards=[
            "Paid in the last few days? Then answer this mail, and your treasurer looks into it.",
            "If you can't pay this now, answer this mail. Your treasurer would rather hear from you.",
        ],
    )


def hardship_denied(voice: Voice, invoice: Invoice, adjustment: Adjustment, pay_url: str) -> Message:
    amount = voice.money(adjustment.amount)
    return Message(
        subject=f"Invoice {invoice.number}: your request was not granted",
        title="Your request was not granted",
        greeting=dear(invoice.member),
        paragraphs=[
            f"You asked {voice.name} to take {amount} off invoice {invoice.number}."
            f" The answer is no, for this reason: {adjustment.decision_reason}"
        ],
        amount=(f"Due {voice.day(invoice.due_on)}", invoice.owed),
        button=("See and pay the invoice", pay_url),
        afterwards=["If you can't pay this, answer this mail. Your treasurer would rather hear from you."],
    )


def dear(member: Member) -> str:
    return f"Hello {member.first_name or member.name},"


def _less(invoice: Invoice) -> list[tuple[str, int]]:
    taken_off = [("Waived or credited", -invoice.adjusted), ("Paid, with thanks", -invoice.paid)]
    return [(label, amount) for label, amount in taken_off if amount]


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
