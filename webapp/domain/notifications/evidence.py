"""What our own records say about a disputed payment, put together for the payer's bank."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select
from sqlalchemy.orm import joinedload

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.notifications import consent as consents
from webapp.domain.notifications.consent import Consent
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.notifications.invoice_pdf import LetterLine, letter_lines
from webapp.domain.notifications.letter import Sheet, address_lines, letterhead
from webapp.domain.notifications.wording import Voice
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments import dispute_reasons, meant
from webapp.domain.payments.disputes import Dispute, DisputeAnswer
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


@dataclass(frozen=True, kw_only=True)
class Records(Sheet):
    """All that the pages show, as plain facts. Amounts are minor units of `currency`.

    `settled` of an invoice is what the disputed payment paid of it, or was meant to. `steps` are what the
    payer got and did, each with its moment in words, oldest first. `consent` is what the payer had agreed to
    where the payment was collected by itself. `earlier` stand uncontested.
    """

    dispute_id: UUID
    reference: str
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
    consent: Consent | None
    earlier: tuple[EarlierPayment, ...]


def records_of(
    dispute: Dispute, organization: Organization, *, statement: str = "", test_mode: bool = False
) -> Records:
    """The records as of now, with the words that go with them. The dispute comes `with_payer`."""
    voice, payment, member = Voice(organization), dispute.payment, dispute.payment.member
    settled = _settled(payment)
    invoices = [invoice for invoice, _ in settled]
    consent = consents.behind(payment, voice)
    return Records(
        **letterhead(organization, test_mode=test_mode),
        dispute_id=dispute.id,
        reference=dispute.reference,
        reason=dispute_reasons.in_words(dispute.reason),
        amount=dispute.amount,
        payer_name=member.name,
        payer_email=member.email,
        payer_address=address_lines(member.address),
        payer=tuple(_about_payer(member, organization, voice)),
        payment=tuple(_about_payment(dispute, voice)),
        statement=statement.strip(),
        invoices=tuple(_facts(invoice, amount) for invoice, amount in settled),
        steps=tuple((voice.moment(at), text) for at, text in sorted(_steps(payment, invoices, consent))),
        consent=consent,
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


def suggested_words(member: Member, organization: Organization, invoices: Sequence[Invoice]) -> str:
    """A beginning for whoever writes to the bank. The invoices come with their periods."""
    paid_for = ", ".join(f"invoice {one.number} ({one.period.name})" for one in invoices)
    about = f" This payment is for {paid_for}." if paid_for else ""
    return f"{member.name} is a member of {organization.name}.{about} Our records are attached."


def with_payer(*conditions: ColumnElement[bool]) -> Select[Dispute]:
    """Disputes with all of their payer that is told to the bank, and the chapter."""
    payment = joinedload(Dispute.payment)
    payer = payment.joinedload(Payment.member)
    return (
        Dispute.here()
        .select(*conditions)
        .options(
            payment.joinedload(Payment.chapter),
            payer.joinedload(Member.chapter),
            payer.joinedload(Member.status),
        )
    )


def words_sent() -> ScalarSelect[str | None]:
    """Beside each dispute: what was last said to the bank, if anything was."""
    return (
        select(DisputeAnswer.statement)
        .where(
            DisputeAnswer.organization_id == Dispute.organization_id,
            DisputeAnswer.dispute_id == Dispute.id,
            DisputeAnswer.statement.is_not(None),
        )
        .order_by(DisputeAnswer.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _settled(payment: Payment) -> list[tuple[Invoice, int]]:
    """What the payment paid of which invoice before it was contested, or was meant to pay."""
    here = tenancy.organization_id()
    paid = select(Allocation.invoice_id, Allocation.amount).where(
        Allocation.organization_id == here, Allocation.payment_id == payment.id
    )
    tried = meant.invoices_of(payment.id).add_columns(meant.PARTS.c.amount)
    parts = paid.union_all(tried).subquery()
    largest = select(parts.c.invoice_id, func.max(parts.c.amount).label("amount")).group_by("invoice_id")
    settled = largest.subquery()
    whole = joinedload(Invoice.lines).joinedload(InvoiceLine.reason)
    loaded = Invoice.here().select().options(joinedload(Invoice.period), whole)
    found = loaded.join(settled, settled.c.invoice_id == Invoice.id)
    rows = db.session.execute(found.add_columns(settled.c.amount).order_by(Invoice.id)).unique()
    return [(invoice, int(amount)) for invoice, amount in rows]


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


def _steps(
    payment: Payment, invoices: Sequence[Invoice], consent: Consent | None
) -> Iterator[tuple[datetime, str]]:
    """What the payer was sent, looked at and did."""
    for invoice in invoices:
        yield invoice.created_at, f"Invoice {invoice.number} issued"
        if invoice.first_opened_at:
            yield invoice.first_opened_at, f"Page of invoice {invoice.number} opened by the payer"
    about = Mail.invoice_id.in_([invoice.id for invoice in invoices])
    for mail in Mail.here().all(about, Mail.kind.in_(_SENT), Mail.state == MailState.SENT):
        yield mail.sent_at or mail.created_at, _SENT[mail.kind].format(mail.recipient)
    if consent is None:
        yield payment.created_at, "Payment page opened at the processor"
    else:
        yield from consents.mails_of(consent, payment)
        yield payment.created_at, "Collected from the saved payment method, as agreed"
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
