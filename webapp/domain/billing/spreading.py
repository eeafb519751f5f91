"""How money is spread over what a member owes. A part is never more than its invoice owes."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import joinedload

from webapp.core import money
from webapp.core.db import db
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing.invoice import Invoice

Part = tuple[Invoice, int]
Spread = Callable[[int, Sequence[Invoice]], list[Part]]
"""Given an amount in minor units and the open invoices, oldest due date first: which gets what of it.

The parts may come to less than the amount; the rest is kept as a credit note.
"""


@dataclass(frozen=True)
class Preview:
    """What an amount would settle, and what would remain of it."""

    parts: Sequence[Part]
    rest: int

    @classmethod
    def of(cls, parts: Sequence[Part], amount: int) -> "Preview":
        return cls(parts, amount - sum(part for _, part in parts))

    @property
    def summary(self) -> str:
        """Tells this preview from every other: which invoice gets how much, and the rest."""
        parts = (f"{invoice.id}:{part}" for invoice, part in self.parts)
        return hashlib.sha256(" ".join([*parts, str(self.rest)]).encode()).hexdigest()[:32]


class PreviewChanged(Conflict):
    """Somebody confirmed what would not happen any more, for instance because an invoice was paid."""

    code = "preview-changed"
    message = "What this would settle has changed since you looked."
    next_step = "Look at it again, and confirm that."


def open_invoices(member_id: UUID) -> Sequence[Invoice]:
    """What the member owes, oldest due date first, to look at."""
    statement = Invoice.here().select(Invoice.member_id == member_id, Invoice.owed > 0)
    return db.session.scalars(
        statement.options(joinedload(Invoice.period)).order_by(Invoice.due_on, Invoice.id)
    ).all()


def lock_open_invoices(member_id: UUID) -> list[Invoice]:
    """What the member owes, locked in id order, oldest due date first."""
    statement = (
        Invoice.here()
        .select(Invoice.member_id == member_id, Invoice.owed > 0)
        .order_by(Invoice.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return sorted(db.session.scalars(statement), key=lambda invoice: (invoice.due_on, invoice.id))


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


def preview(amount: int, owed: Sequence[Invoice], spread: Spread) -> Preview:
    """What `spread` would make of the amount. Invalid, with a reason, where it can't be spread so."""
    return Preview.of(spread(amount, owed), amount)


def refuse_change(settled: Sequence[Part], amount: int, seen: str | None) -> None:
    """What was confirmed is what is done. `seen` is the summary of the preview, if there was one."""
    if seen is not None and seen != Preview.of(settled, amount).summary:
        raise PreviewChanged


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
