"""What our own records say about a disputed payment, put together for the payer's bank."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.notifications.dispute_mails import loaded
from webapp.domain.notifications.pdf import LetterLine, address_lines, letter_lines, printable
from webapp.domain.notifications.wording import Voice
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments import dispute_reasons
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.gateway import Evidence
from webapp.domain.payments.payment import Allocation, Payment

_MOST_EARLIER = 12
_SENT = {
    MailKind.INVOICE: "Invoice mailed to {}",
    MailKind.REMINDER: "Reminder mailed to {}",
    MailKind.RECEIPT: "Receipt mailed to {}",
    MailKind.NEW_LINK: "Link to the invoice mailed to {}, as asked for",
}


@dataclass(frozen=True)
class InvoiceFacts:
    number: str
    period: str
    issued_on: date
    due_on: date
    lines: tuple[LetterLine, ...]
    billed: int
    settled: int


@dataclass(frozen=True)
class EarlierPayment:
    received_on: date
    paid_with: str
    amount: int


@dataclass(frozen=True)
class Records:
    """All that the pages show, as plain facts. Amounts are minor units of `currency`.

    `settled` of an invoice is what the disputed payment paid of it, or was meant to. `steps` are what the
    payer got and did, each with its moment in words, oldest first. `earlier` stand uncontested.
    """

    dispute_id: UUID
    reference: str
    organization: str
    organization_address: tuple[str, ...]
    reply_to: str | None
    logo: bytes | None
    language: str
    locale: str
    paper: str
    currency: str
    specimen: bool
    reason: str
    amount: int
    payer_name: str
    payer_email: str | None
    payer_address: tuple[str, ...]
    payer: tuple[tuple[str, str], ...]
    payment: tuple[tuple[str, str], ...]
    statement: str
    invoices: tuple[InvoiceFacts, ...]
    steps: tuple[tuple[str, str], ...]
    earlier: tuple[EarlierPayment, ...]


def records_of(
    dispute_id: UUID, organization: Organization, *, statement: str = "", test_mode: bool = False
) -> Records:
    """The records as of now, with the words that go with them."""
    dispute, voice = loaded(dispute_id), Voice(organization)
    payment, member = dispute.payment, _payer(dispute)
    settled = _settled(payment)
    invoices = db.session.scalars(printable(Invoice.id.in_(settled)).order_by(Invoice.id)).all()
    return Records(
        dispute_id=dispute.id,
        reference=dispute.reference,
        organization=organization.name,
        organization_address=address_lines(organization.address),
        reply_to=organization.reply_to,
        logo=organization.logo,
        language="en",
        locale=organization.locale,
        paper=organization.paper_size.value.lower(),
        currency=payment.currency,
        specimen=organization.is_demo or test_mode,
        reason=dispute_reasons.in_words(dispute.reason),
        amount=dispute.amount,
        payer_name=member.name,
        payer_email=member.email,
        payer_address=address_lines(member.address),
        payer=tuple(_about_payer(member, organization, voice)),
        payment=tuple(_about_payment(dispute, voice)),
        statement=statement.strip(),
        invoices=tuple(_facts(invoice, settled[invoice.id]) for invoice in invoices),
        steps=tuple((voice.moment(at), text) for at, text in sorted(_steps(payment, invoices))),
        earlier=tuple(_earlier(payment)),
    )


def for_the_bank(records: Records, drawn: bytes) -> Evidence:
    """The same, as a processor hands it on."""
    services = [f"{one.period} (invoice {one.number})" for one in records.invoices]
    return Evidence(
        name=records.payer_name,
        email=records.payer_email,
        address="\n".join(records.payer_address) or None,
        service=f"Membership dues of {records.organization}: {', '.join(services)}",
        service_date=records.invoices[0].issued_on.isoformat() if records.invoices else "",
        statement=records.statement,
        records=drawn,
    )


def _payer(dispute: Dispute) -> Member:
    statement = Member.here().select(Member.id == dispute.payment.member_id)
    return db.session.scalars(statement.options(joinedload(Member.chapter), joinedload(Member.status))).one()


def _settled(payment: Payment) -> dict[UUID, int]:
    """What the payment paid of which invoice before it was contested, or was meant to pay."""
    found: dict[UUID, int] = {}
    for one in Allocation.here().all(Allocation.payment_id == payment.id, order_by=Allocation.id):
        found[one.invoice_id] = max(one.amount, found.get(one.invoice_id, 0))
    checkout = Checkout.here().first(Checkout.payment_id == payment.id)
    return found or ({checkout.invoice_id: checkout.amount} if checkout else {})


def _about_payer(member: Member, organization: Organization, voice: Voice) -> Iterator[tuple[str, str]]:
    words = organization.vocabulary
    yield "Name", member.name
    yield f"{words.member} no.", member.number
    yield words.chapter, member.chapter.name
    yield "Status", member.status.label
    if member.joined_on:
        yield f"{words.member} since", voice.day(member.joined_on)
    if member.email:
        yield "Email", member.email
    if address := address_lines(member.address):
        yield "Address", ", ".join(address)


def _about_payment(dispute: Dispute, voice: Voice) -> Iterator[tuple[str, str]]:
    payment = dispute.payment
    yield "Amount", voice.money(payment.amount)
    yield "Paid with", payment.payer_detail or payment.method.label
    if payment.settled_at:
        yield "Confirmed", voice.moment(payment.settled_at)
    if payment.intent_reference:
        yield "At the processor", payment.intent_reference
    yield "Dispute", f"{dispute.reference}, opened {voice.moment(dispute.opened_at)}"
    yield "The bank's reason", dispute_reasons.in_words(dispute.reason)


def _facts(invoice: Invoice, settled: int) -> InvoiceFacts:
    return InvoiceFacts(
        number=invoice.number,
        period=invoice.period.name,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        lines=letter_lines(invoice),
        billed=invoice.billed,
        settled=settled,
    )


def _steps(payment: Payment, invoices: Sequence[Invoice]) -> Iterator[tuple[datetime, str]]:
    """What the payer was sent, looked at and did."""
    for invoice in invoices:
        yield invoice.created_at, f"Invoice {invoice.number} issued"
        if invoice.first_opened_at:
            yield invoice.first_opened_at, f"Page of invoice {invoice.number} opened by the payer"
    about = Mail.invoice_id.in_([invoice.id for invoice in invoices])
    for mail in Mail.here().all(about, Mail.kind.in_(_SENT), Mail.state == MailState.SENT):
        yield mail.sent_at or mail.created_at, _SENT[mail.kind].format(mail.recipient)
    yield payment.created_at, "Payment page opened at the processor"
    if payment.settled_at:
        yield payment.settled_at, f"Payment confirmed: {payment.payer_detail or payment.method.label}"


def _earlier(payment: Payment) -> Iterator[EarlierPayment]:
    """Payments of the same member that nobody contested, latest first."""
    contested = select(Dispute.payment_id).where(Dispute.organization_id == tenancy.organization_id())
    statement = (
        Payment.here()
        .select(
            Payment.member_id == payment.member_id,
            Payment.id != payment.id,
            Payment.received_on.is_not(None),
            Payment.id.not_in(contested),
        )
        .order_by(Payment.received_on.desc(), Payment.id.desc())
        .limit(_MOST_EARLIER)
    )
    for one in db.session.scalars(statement):
        assert one.received_on is not None, "The query asks for these alone"
        yield EarlierPayment(one.received_on, one.payer_detail or one.method.label, one.amount)
