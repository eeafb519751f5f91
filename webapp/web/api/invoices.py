"""Invoices: found, read, paid and voided."""

from typing import Any
from uuid import UUID

from flask import g, url_for

from webapp import wiring
from webapp.core.db import db, transaction
from webapp.domain.billing import pay_link, search
from webapp.domain.billing.invoice import Invoice, LineKind
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import Chapter
from webapp.domain.payments import voiding
from webapp.web import invoices, paying
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import EVERYBODY, OFFICERS, PAYERS, STAFF, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import listing, paged, pages_of, size_of
from webapp.web.request_keys import repeatable

TOPIC = "Invoices"

_SUMMARY = {
    "id": f.identifier("The invoice"),
    "number": f.text("Its number, without gaps within a year", "2026-000123"),
    "status": f.choice("Where it stands", InvoiceStatus),
    "processing": f.flag("Whether a bank debit for it is under way", example=False),
    "member_id": f.identifier("Who owes it"),
    "member_number": f.text("The member's number", "PX00012"),
    "member_name": f.text("The member's name", "Ana Núñez"),
    "chapter_code": f.text("The member's chapter when it was issued", "ALP"),
    "period": f.text("Code of the billing period", "2026-fall"),
    "issued_on": f.day("When it was issued"),
    "due_on": f.day("When it is due", "2026-10-01"),
    "billed": f.amount("The sum of its lines"),
    "adjusted": f.amount("What adjustments took off", 0),
    "paid": f.amount("What payments settled", 15_000),
    "owed": f.amount("What is still to be paid", 25_000),
    "currency": f.currency(),
}
SUMMARY = Shape("InvoiceSummary", _SUMMARY)
LINE = Shape(
    "InvoiceLine",
    {
        "kind": f.choice("What sort of charge", LineKind),
        "description": f.text("As the member reads it", "Regular dues, Fall 2026", most=1000),
        "amount": f.amount("The charge"),
    },
)
INVOICE = Shape(
    "Invoice",
    _SUMMARY
    | {
        "chapter_id": f.identifier("The member's chapter when it was issued"),
        "schedule": f.text("What was charged", "Regular dues"),
        "grace_ends_on": f.day("The last day before it counts as overdue", "2026-10-15"),
        "refunded": f.amount("What went back without being owed again", 0),
        "voided_at": f.instant("When it was voided").or_null(),
        "void_reason": f.text("Why it was voided", "Billed by mistake", most=1000).or_null(),
        "lines": f.list_of(LINE, "What it is for"),
    },
)
FILTERS = listing(
    "InvoiceFilters",
    status=f.one_of("Only these; “owed” is whatever something is owed on", "owed", *InvoiceStatus),
    member=f.identifier("Only this member's"),
    period=f.text("Only of the period with this code", "2026-fall", least=1),
    due_before=f.day("Only due before this day"),
    due_after=f.day("Only due after this day"),
    q=f.text("Part of a name or number, the beginning of a mail address, or an amount", "Núñez", least=1),
)
PAY_PAGE = Shape(
    "CheckoutStarted",
    {
        "checkout_url": f.text("The processor's page, to be opened by the payer", "https://…", most=5000),
        "transaction_id": f.identifier("The payment that waits there"),
    },
)
NEW_LINK = Shape(
    "PayLink",
    {
        "pay_url": f.text("Opens this one invoice for payment, without a login", "https://…", most=5000),
        "mailed_to": f.text(
            "The member's address that it is mailed to", "ana@example.org", most=1000
        ).or_null(),
    },
)
VOIDING = shape_in(
    "Voiding",
    reason=f.text("Why; the member can read it", "Billed by mistake", least=1).needed(),
    override_reason=f.override_reason(),
)


@operations.get(
    "/organizations/<uuid:organization_id>/invoices/",
    summary="List invoices",
    topic=TOPIC,
    gives=pages_of(SUMMARY),
    query=FILTERS,
    allowed=EVERYBODY,
)
def list_invoices(query: Values) -> Answer:
    """All invoices of the organization, or what of them the token's role may see."""
    return _list(query, bearer.own_chapter())


@operations.get(
    "/chapters/<uuid:chapter_id>/invoices/",
    summary="List a chapter's invoices",
    topic=TOPIC,
    gives=pages_of(SUMMARY),
    query=FILTERS,
    allowed=STAFF,
)
def list_chapter_invoices(chapter_id: UUID, query: Values) -> Answer:
    """The invoices of one chapter's members."""
    chapter = Chapter.here().get(chapter_id)
    bearer.in_reach(chapter_id=chapter.id)
    return _list(query, chapter.id)


@operations.get(
    "/invoices/<uuid:invoice_id>/", summary="Read an invoice", topic=TOPIC, gives=INVOICE, allowed=EVERYBODY
)
def read_invoice(invoice_id: UUID) -> Answer:
    """The invoice with its lines."""
    return _whole(_reached(invoice_id))


@operations.post(
    "/invoices/<uuid:invoice_id>/pay/",
    summary="Start paying an invoice",
    topic=TOPIC,
    gives=PAY_PAGE,
    allowed=PAYERS,
)
def pay_invoice(invoice_id: UUID) -> Answer:
    """Opens the processor's page for what is owed. An invoice has one such page at a time: asking again gives
    the same one. The invoice is paid when the processor says so, not when the payer comes back."""
    invoice = _reached(invoice_id)
    link = pay_link.token(invoice, wiring.settings().secret_key)
    addresses = paying.addresses(url_for("visitors.pay", org=g.organization.slug, token=link))
    with repeatable():
        checkout = paying.open_checkout(invoice.id, addresses)
    with transaction():
        return {"checkout_url": checkout.url, "transaction_id": str(checkout.payment_id)}


@operations.post(
    "/invoices/<uuid:invoice_id>/pay-link/",
    summary="Make a new pay link",
    topic=TOPIC,
    gives=NEW_LINK,
    allowed=OFFICERS,
)
def make_pay_link(invoice_id: UUID) -> Answer:
    """Ends every pay link of the invoice that was given out before, printed ones too, and mails the new
    one to the member's address on file."""
    with transaction():
        pay_link.renew(Invoice.here().get(_reached(invoice_id).id, lock=True), by=acting)
    invoice = _reached(invoice_id)
    return NEW_LINK.tell(
        invoice, pay_url=wiring.links().pay(g.organization, invoice), mailed_to=invoice.member.email or None
    )


@operations.post(
    "/invoices/<uuid:invoice_id>/void/",
    summary="Void an invoice",
    topic=TOPIC,
    gives=INVOICE,
    takes=VOIDING,
    status=200,
    allowed=OFFICERS,
)
def void_invoice(invoice_id: UUID, body: Values) -> Answer:
    """Cancels it for good; its number is never used again. What was received for it becomes credit notes."""
    with transaction():
        invoice = Invoice.here().get(invoice_id, lock=True)
        bearer.in_reach(chapter_id=invoice.chapter_id)
        voiding.void(invoice.id, by=acting, reason=body["reason"], on=g.organization.today)
    return _whole(_reached(invoice_id))


def _reached(invoice_id: UUID) -> Invoice:
    invoice = invoices.loaded(invoice_id)
    bearer.in_reach(chapter_id=invoice.chapter_id, member_id=invoice.member_id)
    return invoice


def _list(query: Values, chapter_id: UUID | None) -> Answer:
    own = bearer.own_member()
    wanted = search.InvoiceFilter(
        status=query.get("status"),
        period=query.get("period"),
        chapter_id=chapter_id,
        member_id=own or query.get("member"),
        due_before=query.get("due_before"),
        due_after=query.get("due_after"),
        q=query.get("q"),
    )
    if own is not None and query.get("member", own) != own:
        return paged([], query, _row)
    statement = search.find(wanted, g.organization, after=query.get("cursor"), limit=size_of(query))
    return paged(db.session.execute(statement).all(), query, _row)


def _row(row: Any) -> dict[str, Any]:
    return SUMMARY.tell(
        row,
        member_name=f"{row.first_name} {row.last_name}".strip(),
        period=row.period_code,
        currency=g.organization.currency,
    )


def _whole(invoice: Invoice) -> dict[str, Any]:
    return INVOICE.tell(
        invoice,
        member_number=invoice.member.number,
        member_name=invoice.member.name,
        chapter_code=invoice.chapter.code,
        period=invoice.period.code,
        schedule=invoice.schedule.name,
        lines=[LINE.tell(line) for line in invoice.lines],
    )
