"""Choosing what money settles: oldest first, a share of each, or amounts by name; shown, then confirmed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import request

from webapp.core import money
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import Spread, as_named, in_proportion, oldest_first, preview
from webapp.web.gates import current_organization

OLDEST, SHARES, CHOSEN = "oldest", "shares", "chosen"
WAYS = {
    OLDEST: "The oldest invoices first",
    SHARES: "The same share of every open invoice",
    CHOSEN: "The invoices and amounts I choose",
}
_PART = "part-"


@dataclass(frozen=True)
class Choice:
    """What was chosen so far; `parts` is what was typed beside the invoices, by their ids."""

    way: str
    parts: Mapping[str, str]
    spreads: Mapping[str, Spread]

    @classmethod
    def read(cls, **more: Spread) -> "Choice":
        """From the address or the form; the first of `more`, ways of this page alone, is the usual one."""
        spreads = more | {OLDEST: oldest_first, SHARES: in_proportion}
        way = request.values.get("way", next(iter(spreads)))
        return cls(way if way in (*spreads, CHOSEN) else next(iter(spreads)), typed_parts(), spreads)

    @property
    def fields(self) -> dict[str, str]:
        """The same choice, to be sent along."""
        return {"way": self.way} | {f"{_PART}{invoice_id}": text for invoice_id, text in self.parts.items()}

    def spread(self, amount: int, owed: Sequence[Invoice]) -> list[tuple[Invoice, int]]:
        """Is a Spread itself: Invalid where it can't be spread so."""
        if self.way != CHOSEN:
            return self.spreads[self.way](amount, owed)
        return as_typed(self.parts)(amount, owed)


def typed_parts() -> dict[str, str]:
    """What was typed beside the invoices, by their ids."""
    return {
        name.removeprefix(_PART): text.strip()
        for name, text in request.values.items()
        if name.startswith(_PART) and text.strip()
    }


def as_typed(parts: Mapping[str, str]) -> Spread:
    """The amounts beside the invoices, in minor units; Invalid for what is no amount, and for none at all."""
    organization, named = current_organization, {}
    for invoice_id, text in parts.items():
        try:
            named[UUID(invoice_id)] = money.parse(text, organization.currency, organization.locale)
        except ValueError as error:
            raise NotFound from error
    if not named:
        raise Invalid(fields={"order": "Enter what settles which invoice."})
    return as_named(named)


def looked_at(choice: Choice, amount: int, owed: Sequence[Invoice]) -> dict[str, Any]:
    """For the page: what would happen, or why it can't."""
    shown: dict[str, Any] = {"choice": choice, "owed": owed, "preview": None, "problem": None}
    try:
        shown["preview"] = preview(amount, owed, choice.spread)
    except Invalid as refusal:
        shown["problem"] = (
            refusal.message if not refusal.fields else " ".join(dict.fromkeys(refusal.fields.values()))
        )
    return shown
