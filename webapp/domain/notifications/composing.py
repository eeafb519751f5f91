"""From the row of a mail to what it says, as of the moment it is sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.orm import joinedload, selectinload

from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.domain.billing.adjustments import Adjustment, AdjustmentState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.late_fees import LateFee
from webapp.domain.credits import search
from webapp.domain.credits.credit_note import CreditNote, CreditState
from webapp.domain.notifications import (
    approval_mails,
    autopay_mails,
    credit_mails,
    credit_pdf,
    dispute_mails,
    dispute_wording,
    health_mails,
    installments,
    plan_mails,
    plan_pdf,
    refund_wording,
    reminder_texts,
    sign_in_wording,
    statement_mails,
    wording,
)
from webapp.domain.notifications.credit_pdf import CreditLetter
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.notifications.invoice_pdf import InvoiceLetter, letter_of, printable
from webapp.domain.notifications.letter import Letter
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.reminder_texts import Wording
from webapp.domain.notifications.reminders import why_not
from webapp.domain.notifications.wording import Voice
from webapp.domain.organizations import Invitation, Login, Member, Organization, SignInLink, sign_in_links
from webapp.domain.payments.disputes import DisputeAnswer
from webapp.domain.payments.payment import Allocation, Payment, PaymentState
from webapp.domain.plans import following
from webapp.domain.refunds.refund import Refund

_MOST_LETTERS = 3


class Pointless(Conflict):
    """What the mail was to say is not true any more."""


@dataclass(frozen=True)
class Occasion:
    """A mail to be written now: `on` is the organization's day."""

    mail: Mail
    organization: Organization
    links: Links
    on: date
    test_mode: bool = False

    @property
    def voice(self) -> Voice:
        return Voice(self.organization)

    def letter(self, invoice: Invoice) -> InvoiceLetter:
        return letter_of(invoice, self.organization, self.links, test_mode=self.test_mode)

    def credit_letter(self, note: CreditNote) -> CreditLetter:
        applications = search.applications_of(note)
        return credit_pdf.letter_of(note, applications, self.organization, test_mode=self.test_mode)

    def pay_url(self, invoice: Invoice) -> str:
        return self.links.pay(self.organization, invoice)


Composed = tuple[Message, Sequence[Letter]]


def compose(occasion: Occasion) -> Composed:
    """The message and the letters that go with it; Pointless when there is no reason for it any more."""
    return _COMPOSERS[occasion.mail.kind](occasion)


def _invoice(occasion: Occasion) -> Composed:
    invoice = _loaded(occasion.mail.invoice_id)
    if invoice.is_void:
        raise Pointless("The invoice was voided before it was mailed.")
    message = wording.invoice(occasion.voice, invoice, invoice.member, occasion.pay_url(invoice))
    return message, [occasion.letter(invoice)]


def _reminder(occasion: Occasion) -> Composed:
    """Whether it is still owed is asked with the invoice locked, in the transaction that lets the mail go."""
    assert occasion.mail.invoice_id is not None
    Invoice.here().get(occasion.mail.invoice_id, lock=True)
    invoice = _loaded(occasion.mail.invoice_id)
    if reason := why_not(invoice, invoice.member, on=occasion.on):
        raise Pointless(reason)
    details, pay_url = occasion.mail.details, occasion.pay_url(invoice)
    step = None if details.get("by_hand") else details["offset"]
    return reminder_texts.reminder(occasion.organization, invoice, pay_url, on=occasion.on, days=step), []


def _reminder_test(occasion: Occasion) -> Composed:
    """To whoever writes the text, about somebody's invoice: its link does not open that."""
    details = occasion.mail.details
    invoice, said = _loaded(UUID(details["invoice_id"])), Wording(**details["said"])
    message = reminder_texts.specimen(
        occasion.organization,
        invoice,
        occasion.links.sign_in(),
        said,
        on=invoice.due_on + timedelta(days=details["days"]),
        language=details["language"],
    )
    return replace(message, subject=f"Test: {message.subject}"), []


def _receipt(occasion: Occasion) -> Composed:
    payment = _payment(occasion)
    if payment.state is PaymentState.REVERSED:
        raise Pointless("The payment was recorded by mistake and is reversed.")
    allocations = db.session.scalars(
        Allocation.here()
        .select(Allocation.payment_id == payment.id, Allocation.undone_at.is_(None))
        .order_by(Allocation.id)
    ).all()
    invoices = {one.invoice_id: _loaded(one.invoice_id) for one in allocations[:_MOST_LETTERS]}
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


def _payment_reversed(occasion: Occasion) -> Composed:
    payment = _payment(occasion)
    return wording.payment_reversed(occasion.voice, payment, payment.member), []


def _payment_failed(occasion: Occasion) -> Composed:
    payment = _payment(occasion)
    invoice = _loaded(occasion.mail.invoice_id) if occasion.mail.invoice_id else None
    pay_url = occasion.pay_url(invoice) if invoice else None
    return wording.payment_failed(occasion.voice, payment, payment.member, invoice, pay_url), []


def _paid_twice(occasion: Occasion) -> Composed:
    if occasion.mail.member_id is not None:
        raise Pointless("The member hears of it by the credit note's own mail.")
    payment = _payment(occasion)
    amount = occasion.mail.details["amount"]
    return wording.paid_twice(occasion.voice, payment, payment.member, amount=amount), []


def _credit_note(occasion: Occasion) -> Composed:
    details = occasion.mail.details
    note = credit_mails.loaded(UUID(details["note_id"]))
    if details["what"] == "opened" and note.state is CreditState.WITHDRAWN:
        raise Pointless("The credit note was withdrawn before it was mailed.")
    return credit_mails.ABOUT[details["what"]](occasion.voice, note), [occasion.credit_letter(note)]


def _refund(occasion: Occasion) -> Composed:
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


def _dispute(occasion: Occasion) -> Composed:
    """A reminder is pointless once somebody has answered."""
    details, mail = occasion.mail.details, occasion.mail
    dispute = dispute_mails.loaded(UUID(details["dispute_id"]))
    answered = not dispute.is_answerable or DisputeAnswer.promised_for(dispute) is not None
    if details["what"] == "due" and answered:
        raise Pointless("The dispute was answered, or is over.")
    invoice = _loaded(mail.invoice_id) if mail.invoice_id else None
    facts = dispute_wording.Facts(
        occasion.voice,
        dispute,
        invoice,
        pay_url=occasion.pay_url(invoice) if invoice else None,
        days=dispute_mails.days_left(dispute, occasion.organization, occasion.on),
    )
    return dispute_wording.ABOUT[details["what"], details["reader"]](facts), []


def _new_link(occasion: Occasion) -> Composed:
    invoice = _loaded(occasion.mail.invoice_id)
    pay_url = occasion.pay_url(invoice)
    return wording.new_link(occasion.voice, invoice, invoice.member, pay_url), [occasion.letter(invoice)]


def _cancellation(occasion: Occasion) -> Composed:
    invoice = _loaded(occasion.mail.invoice_id)
    return wording.cancellation(occasion.voice, invoice, invoice.member), []


def _invitation(occasion: Occasion) -> Composed:
    statement = Invitation.here().select(Invitation.id == UUID(occasion.mail.details["invitation_id"]))
    invited = db.session.scalars(statement.options(selectinload(Invitation.chapter))).one()
    try:
        invited.refuse_if_over()
    except Conflict as over:
        raise Pointless(over.message) from over
    url = occasion.links.invitation(occasion.organization, invited)
    return sign_in_wording.invitation(occasion.voice, invited, url), []


def _password_reset(occasion: Occasion) -> Composed:
    login = db.session.get_one(Login, UUID(occasion.mail.details["login_id"]))
    if login.disabled_at is not None:
        raise Pointless("This login was switched off.")
    return sign_in_wording.forgotten_password(login, occasion.links.password_reset(occasion.mail, login)), []


def _sign_in_link(occasion: Occasion) -> Composed:
    """Staff hear that they have other ways in."""
    login = db.session.get_one(Login, UUID(occasion.mail.details["login_id"]))
    if not sign_in_links.may_use(login):
        return sign_in_wording.no_sign_in_link(login, occasion.links.sign_in()), []
    link = db.session.get(SignInLink, UUID(occasion.mail.details["link_id"]))
    if link is None or link.is_over:
        raise Pointless("The link was used already, or is too old.")
    return sign_in_wording.sign_in_link(login, occasion.links.sign_in_link(link)), []


def _security(occasion: Occasion) -> Composed:
    login = db.session.get_one(Login, UUID(occasion.mail.details["login_id"]))
    return sign_in_wording.security_notice(login, occasion.mail.details["what"], occasion.links.account()), []


def _adjustment(occasion: Occasion) -> Composed:
    invoice = _loaded(occasion.mail.invoice_id)
    adjustment = Adjustment.here().get(UUID(occasion.mail.details["adjustment_id"]))
    pay_url = occasion.pay_url(invoice)
    if adjustment.state is AdjustmentState.DENIED:
        return wording.hardship_denied(occasion.voice, invoice, adjustment, pay_url), []
    return wording.adjusted(occasion.voice, invoice, adjustment, pay_url), []


def _late_fee(occasion: Occasion) -> Composed:
    invoice = _loaded(occasion.mail.invoice_id)
    fee = LateFee.here().first(LateFee.invoice_id == invoice.id)
    if fee is None or not invoice.owed:
        raise Pointless("Nothing is owed on the invoice any more.")
    message = wording.late_fee(occasion.voice, invoice, fee, occasion.pay_url(invoice))
    return message, [occasion.letter(invoice)]


def _payment_plan(occasion: Occasion) -> Composed:
    details, to_member = occasion.mail.details, occasion.mail.member_id is not None
    plan = plan_mails.loaded(UUID(details["plan_id"]))
    url = occasion.links.payment_plan(occasion.organization, plan, to_member=to_member)
    message = plan_mails.message(occasion.voice, plan, details["what"], url, to_member=to_member)
    if message is None:
        raise Pointless("The plan has gone on since.")
    if details["what"] not in plan_mails.WITH_LETTER:
        return message, []
    return message, [plan_pdf.letter_of(plan, occasion.organization, test_mode=occasion.test_mode)]


def _installment(occasion: Occasion) -> Composed:
    """Whether it is still owed is asked with the plan and its invoices locked, in the sending transaction."""
    details = {name: UUID(value) for name, value in occasion.mail.details.items()}
    following.hold(details["plan_id"])
    plan, installment_id = plan_mails.loaded(details["plan_id"]), details["installment_id"]
    if reason := installments.why_not(plan, plan.member, installment_id, on=occasion.on):
        raise Pointless(reason)
    url = occasion.links.payment_plan(occasion.organization, plan, to_member=True)
    return installments.reminder(occasion.voice, plan, installment_id, url, on=occasion.on), []


def _chapter_health(occasion: Occasion) -> Composed:
    return health_mails.message(occasion.voice, occasion.links, occasion.mail), []


def _statement(occasion: Occasion) -> Composed:
    assert occasion.mail.member_id is not None, "A statement by mail is a member's"
    member, found = Member.here().get(occasion.mail.member_id), statement_mails.stated(occasion.mail)
    if reason := statement_mails.why_not(found):
        raise Pointless(reason)
    sheets = statement_mails.sheets(found, member, occasion.organization, test_mode=occasion.test_mode)
    return statement_mails.message(occasion.voice, member, found), list(sheets)


def _autopay(occasion: Occasion) -> Composed:
    details, voice = occasion.mail.details, occasion.voice
    plan = plan_mails.loaded(UUID(details["plan_id"]))
    url = occasion.links.payment_plan(occasion.organization, plan, to_member=True)
    message: Message | None
    if details["what"] == "on":
        message = autopay_mails.agreed(voice, plan, url)
    elif occasion.mail.payment_id is not None:
        message = autopay_mails.not_collected(voice, plan, occasion.mail.payment_id, url, on=occasion.on)
    else:
        methods = occasion.links.payment_methods(occasion.organization)
        message = autopay_mails.card_ends(voice, plan, methods, on=occasion.on)
    if message is None:
        raise Pointless("The plan or its autopay has gone on since.")
    return message, []


def _of_approval(write: Callable[..., Message | None]) -> Callable[[Occasion], Composed]:
    def composed(occasion: Occasion) -> Composed:
        message = write(occasion.voice, occasion.links, occasion.mail)
        if message is None:
            raise Pointless("The request has gone on since.")
        return message, []

    return composed


_COMPOSERS: dict[MailKind, Callable[[Occasion], Composed]] = {
    MailKind.INVOICE: _invoice,
    MailKind.REMINDER: _reminder,
    MailKind.REMINDER_TEST: _reminder_test,
    MailKind.RECEIPT: _receipt,
    MailKind.PAYMENT_REVERSED: _payment_reversed,
    MailKind.PAYMENT_FAILED: _payment_failed,
    MailKind.PAID_TWICE: _paid_twice,
    MailKind.CREDIT_NOTE: _credit_note,
    MailKind.REFUND: _refund,
    MailKind.REFUND_FAILED: _refund,
    MailKind.DISPUTE: _dispute,
    MailKind.NEW_LINK: _new_link,
    MailKind.CANCELLATION: _cancellation,
    MailKind.INVITATION: _invitation,
    MailKind.FORGOTTEN: _password_reset,
    MailKind.APPROVAL_WAITING: _of_approval(approval_mails.waiting),
    MailKind.APPROVAL_NEWS: _of_approval(approval_mails.news),
    MailKind.SECURITY: _security,
    MailKind.SIGN_IN_LINK: _sign_in_link,
    MailKind.ADJUSTMENT: _adjustment,
    MailKind.LATE_FEE: _late_fee,
    MailKind.PAYMENT_PLAN: _payment_plan,
    MailKind.INSTALLMENT: _installment,
    MailKind.CHAPTER_HEALTH: _chapter_health,
    MailKind.STATEMENT: _statement,
    MailKind.AUTOPAY: _autopay,
}


def _loaded(invoice_id: UUID | None) -> Invoice:
    assert invoice_id is not None, "This kind of mail is about an invoice"
    return db.session.scalars(printable(Invoice.id == invoice_id)).one()


def _payment(occasion: Occasion) -> Payment:
    statement = Payment.here().select(Payment.id == occasion.mail.payment_id)
    return db.session.scalars(statement.options(joinedload(Payment.member))).one()
