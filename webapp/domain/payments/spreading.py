"""How a payment is spread over what a member owes. A part is never more than its invoice owes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import UUID

from webapp.core import money
from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice

Part = tuple[Invoice, int]
Spread = Callable[[int, Sequence[Invoice]], list[Part]]
"""Given an amount in minor units and the open invoices, oldest due date first: which gets what of it.

The parts may come to less than the amount; the rest stays unapplied.
"""


def oldest_first(amount: int, owed: Sequence[Invoice]) -> list[Part]:
    """Each in full before the next, until the money is used up."""
    return list(_filled(amount, owed))


def in_proportion(amount: int, owed: Sequence[Invoice]) -> list[Part]:
    """The same share of each, rounded by the largest remainder (money.split), so that the parts come to the
    amount exactly; equal remainders go to the invoice that is due first. Too much money pays all in full."""
    whole = sum(invoice.owed for invoice in owed)
    if not whole:
        return []
    parts = money.split(min(amount, whole), [invoice.owed for invoice in owed])
    return [(invoice, part) for invoice, part in zip(owed, parts, strict=True) if part]


def only(invoice: Invoice) -> Spread:
    """This invoice alone, with as much as it owes."""
    return lambda amount, owed: oldest_first(amount, [one for one in owed if one.id == invoice.id])


def as_named(parts: Mapping[UUID, int]) -> Spread:
    """What somebody decided, by invoice id. Refused with a reason for each one that can't take its part."""

    def spread(amount: int, owed: Sequence[Invoice]) -> list[Part]:
        open_ones = {invoice.id: invoice for invoice in owed}
        found = {str(one): _wrong(open_ones.get(one), part) for one, part in parts.items()}
        wrong = {one: reason for one, reason in found.items() if reason}
        if wrong:
            raise Invalid(" ".join(dict.fromkeys(wrong.values())), fields=wrong)
        if sum(parts.values()) > amount:
            sentence = "The parts come to more than the payment."
            raise Invalid(sentence, fields={"amount": sentence})
        return [(invoice, parts[invoice.id]) for invoice in owed if invoice.id in parts]

    return spread


def _wrong(invoice: Invoice | None, part: int) -> str:
    if invoice is None:
        return "This member owes nothing on an invoice with this id."
    if part <= 0:
        return f"What settles {invoice.number} has to be more than zero."
    return f"That is more than {invoice.number} owes." if part > invoice.owed else ""


def _filled(amount: int, owed: Sequence[Invoice]) -> Iterator[Part]:
    for invoice in owed:
        part = min(amount, invoice.owed)
        if part > 0:
            amount -= part
            yield invoice, part
