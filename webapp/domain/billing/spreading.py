"""How money is spread over what a member owes. A part is never more than its invoice owes."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Uuid, bindparam, or_, select
from sqlalchemy.orm import joinedload

from webapp.core import money, tenancy
from webapp.core.db import db
from webapp.core.errors import Conflict, Invalid
from webapp.core.statements import shared
from webapp.domain import ledger
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.payability import objection, refuse_unless_payable

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


def lock_open_invoices(member_id: UUID, *, also: UUID | None = None) -> list[Invoice]:
    """What the member owes, and one that may be settled, locked in id order, oldest due date first.

    Settling them is posted, so the books are held open first, and what is to be known of them is asked along.
    """
    ledger.hold_open()
    found = db.session.execute(_LOCKED, {"member": member_id, "also": also}).all()
    if found:
        ledger.know(found[0].books)
    return sorted((row.Invoice for row in found), key=lambda invoice: (invoice.due_on, invoice.id))


_LOCKED = shared(
    select(Invoice, ledger.BOOKS.label("books"))
    .where(
        Invoice.organization_id == tenancy.HERE,
        Invoice.member_id == bindparam("member", type_=Uuid()),
        or_(Invoice.owed > 0, Invoice.id == bindparam("also", type_=Uuid())),
    )
    .order_by(Invoice.id)
    .with_for_update()
    .execution_options(populate_existing=True)
)


def oldest_first(amount: int, owed: Sequence[Invoice]) -> list[Part]:
    """Each in full before the next, until the money is used up. What is being paid already is left out."""
    return list(fill(amount, _free(owed)))


def in_proportion(amount: int, owed: Sequence[Invoice]) -> list[Part]:
    """The same share of each that is not being paid already, rounded by the largest remainder (money.split),
    so that the parts come to the amount exactly. Equal remainders go to the invoice that is due first; too
    much money pays all in full."""
    owed = _free(owed)
    whole = sum(invoice.owed for invoice in owed)
    if not whole:
        return []
    parts = money.split(min(amount, whole), [invoice.owed for invoice in owed])
    return [(invoice, part) for invoice, part in zip(owed, parts, strict=True) if part]


def only(invoice: Invoice) -> Spread:
    """This invoice alone, with as much as it owes. Refused while it is being paid already."""

    def spread(amount: int, owed: Sequence[Invoice]) -> list[Part]:
        found = [one for one in owed if one.id == invoice.id]
        for one in found:
            refuse_unless_payable(one, amount, over_payment=True)
        return list(fill(amount, found))

    return spread


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
    refusal = objection(invoice, part)
    return refusal.message if refusal else ""


def _free(owed: Sequence[Invoice]) -> list[Invoice]:
    return [invoice for invoice in owed if not invoice.processing]


def fill(amount: int, owed: Sequence[Invoice]) -> Iterator[Part]:
    """Each in full before the next, whatever else is under way for it."""
    for invoice in owed:
        part = min(amount, invoice.owed)
        if part > 0:
            amount -= part
            yield invoice, part
