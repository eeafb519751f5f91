"""From what was typed or read to the lines of a batch: each with its member and amount, or why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from webapp.core import money
from webapp.core.db import db
from webapp.core.errors import Invalid
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments.batches import LONGEST_CELL, ReceiptBatch, ReceiptLine, replace_lines
from webapp.domain.payments.matching import Directory, candidates, may_mean


@dataclass(frozen=True)
class Typed:
    """A row of the grid. `chosen` is the member picked from those that `who` may mean."""

    position: int
    who: str
    amount: str
    reference: str
    chosen: UUID | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.who.strip() or self.amount.strip() or self.reference.strip())


@dataclass(frozen=True)
class Read:
    """A line of a file or of a program, `keys` being what it says of the member, the best first."""

    position: int
    keys: Sequence[str]
    amount: str | int
    reference: str
    member: Member | None = None


def write(batch: ReceiptBatch, typed: Sequence[Typed], organization: Organization) -> None:
    """Keep these rows; emptied ones go."""
    before = {line.position: line for line in lines_at(batch, [row.position for row in typed])}
    chosen = _chosen(batch, typed)
    rows = []
    for row in typed:
        if row.is_empty:
            continue
        old = before.get(row.position)
        keys = old.keys if old and old.who == row.who.strip() else [row.who.strip()[:LONGEST_CELL]]
        member = chosen.get(row.chosen) if row.chosen else None
        rows.append(Read(row.position, keys, row.amount, row.reference, member))
    keep(batch, [row.position for row in typed], rows, organization)


def keep(
    batch: ReceiptBatch, positions: Sequence[int], rows: Sequence[Read], organization: Organization
) -> None:
    directory = Directory((_plain(key) for row in rows for key in row.keys), batch.chapter_id)
    replace_lines(batch, positions, [_stored(row, directory, organization) for row in rows])


def lines_at(batch: ReceiptBatch, positions: Sequence[int]) -> Sequence[ReceiptLine]:
    return ReceiptLine.here().all(ReceiptLine.batch_id == batch.id, ReceiptLine.position.in_(positions))


def suggestions(batch: ReceiptBatch, lines: Sequence[ReceiptLine]) -> dict[int, list[Member]]:
    """By position, whom each line without a member may mean."""
    open_ones = [line for line in lines if line.member_id is None and line.keys]
    if not open_ones:
        return {}
    likely = candidates([line.keys for line in open_ones], batch.chapter_id)
    return {line.position: [member for member in likely if may_mean(line.keys, member)] for line in open_ones}


def _chosen(batch: ReceiptBatch, typed: Sequence[Typed]) -> dict[UUID, Member]:
    ids = {row.chosen for row in typed if row.chosen}
    if not ids:
        return {}
    found = Member.here().select(Member.id.in_(ids))
    if batch.chapter_id is not None:
        found = found.where(Member.chapter_id == batch.chapter_id)
    return {member.id: member for member in db.session.scalars(found)}


def _stored(row: Read, directory: Directory, organization: Organization) -> dict[str, Any]:
    keys, amount_text = [_plain(key) for key in row.keys], _amount_text(row.amount, organization)
    amount, wrong_amount = _amount(amount_text, organization)
    found = directory.match(keys)
    member = row.member or found.member
    problems = [found.problem if member is None else None, wrong_amount]
    return {
        "position": row.position,
        "keys": [row.member.number] if row.member else list(filter(None, keys)),
        "amount_text": amount_text,
        "reference": _plain(row.reference),
        "member_id": member.id if member else None,
        "amount": amount,
        "problem": " ".join(filter(None, problems)) or None,
    }


def _amount_text(amount: str | int, organization: Organization) -> str:
    if isinstance(amount, int):
        return money.typed(amount, organization.currency, organization.locale)
    return _plain(amount)


def _amount(text: str, organization: Organization) -> tuple[int | None, str | None]:
    if not text.strip():
        return None, "The amount is missing."
    try:
        amount = money.parse(text, organization.currency, organization.locale)
    except Invalid as refusal:
        return None, refusal.message
    return (amount, None) if amount > 0 else (None, "The amount must be more than zero.")


def _plain(text: str) -> str:
    """As it can be stored and shown: PostgreSQL keeps no null byte; its picture stands in."""
    return " ".join(text.split()).replace("\0", "\u2400")[:LONGEST_CELL]
