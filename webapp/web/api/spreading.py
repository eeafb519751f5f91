"""How money settles what a member owes, as programs say it."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import Part, Spread, as_named, in_proportion, oldest_first, only
from webapp.domain.organizations import Member
from webapp.web.api import fields as f
from webapp.web.api.fields import Field, shape_in
from webapp.web.api.inputs import Values


class Order(StrEnum):
    """Oldest invoice first, those that are named, or a share of each."""

    FIFO = "fifo"
    SPECIFIC = "specific"
    PROPORTIONAL = "proportional"


PART_NAMED = shape_in(
    "AllocationNamed",
    invoice_id=f.identifier("An open invoice of the member").needed(),
    amount=f.amount("What of it to settle, at most what it owes", least=1).needed(),
)
SPREADING: dict[str, Field] = {
    "allocation": f.choice(
        "fifo settles the oldest invoices first, and is meant unless told; specific settles those named;"
        " proportional gives every open invoice the same share, to the last minor unit",
        Order,
    ),
    "invoice_id": f.identifier(
        "With allocation specific: the one invoice to settle, as far as it is owed"
    ).without_example(),
    "invoices": f.several(
        PART_NAMED, "With allocation specific: what settles which invoice", most=100
    ).without_example(),
}
SPREADS = {Order.FIFO: oldest_first, Order.PROPORTIONAL: in_proportion}


def spread_of(member: Member, body: Values) -> Spread:
    order = body.get("allocation", Order.FIFO)
    named = [name for name in ("invoice_id", "invoices") if name in body]
    if (order is Order.SPECIFIC) != (len(named) == 1):
        sentence = "Name one invoice or several with allocation “specific”, and only then."
        raise Invalid(fields={named[-1] if named else "invoice_id": sentence})
    if order is not Order.SPECIFIC:
        return SPREADS[order]
    if "invoices" in body:
        return _as_named(body["invoices"])
    return only(_named_invoice(member, body["invoice_id"]))


def _as_named(parts: list[Values]) -> Spread:
    named = {part["invoice_id"]: part["amount"] for part in parts}
    if len(named) < len(parts):
        raise Invalid(fields={"invoices": "Name each invoice once."})

    def spread(amount: int, owed: Sequence[Invoice]) -> list[Part]:
        try:
            return as_named(named)(amount, owed)
        except Invalid as refusal:
            raise Invalid(fields={"invoices": " ".join(dict.fromkeys(refusal.fields.values()))}) from refusal

    return spread


def _named_invoice(member: Member, invoice_id: UUID) -> Invoice:
    invoice = Invoice.here().first(Invoice.id == invoice_id, Invoice.member_id == member.id)
    if invoice is None:
        raise Invalid(fields={"invoice_id": "This member has no invoice with this id."})
    if not invoice.owed:
        raise Invalid(fields={"invoice_id": "Nothing is owed on this invoice. Use allocation “fifo”."})
    return invoice
