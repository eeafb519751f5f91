"""What moves a receivable, as collections name it, and the documents that each figure is the sum of."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Select, and_, cast, func, select, tuple_

from webapp.core import keyset, tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, Member
from webapp.domain.reporting import receivables
from webapp.domain.reporting.collections.figures import Span
from webapp.domain.reporting.receivables import Change, Whose


class Movement(StrEnum):
    """Named as in `Figures`."""

    ISSUED = "issued"
    LATE_FEES = "late_fees"
    INTEREST = "interest"
    ADJUSTED = "adjusted"
    VOIDED = "voided"
    FORGIVEN = "forgiven"
    COLLECTED = "collected"
    CREDITED = "credited"
    WRITTEN_OFF = "written_off"

    @property
    def kinds(self) -> tuple[Change, ...]:
        return _KINDS[self]

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def settles(self) -> bool:
        """Whether its figure grows when less is owed."""
        return self in _SETTLING


_KINDS: dict[Movement, tuple[Change, ...]] = {
    Movement.ISSUED: (Change.ISSUED,),
    Movement.LATE_FEES: (Change.LATE_FEE,),
    Movement.INTEREST: (Change.PLAN_INTEREST,),
    Movement.ADJUSTED: (Change.ADJUSTED,),
    Movement.VOIDED: (Change.VOIDED,),
    Movement.FORGIVEN: (Change.FORGIVEN, Change.UNFORGIVEN),
    Movement.COLLECTED: (Change.PAID, Change.UNPAID),
    Movement.CREDITED: (Change.CREDITED, Change.UNCREDITED),
    Movement.WRITTEN_OFF: (Change.WRITTEN_OFF,),
}
_LABELS = {
    Movement.ISSUED: "Invoices issued",
    Movement.LATE_FEES: "Late fees",
    Movement.INTEREST: "Interest of payment plans",
    Movement.ADJUSTED: "Adjustments",
    Movement.VOIDED: "Invoices voided",
    Movement.FORGIVEN: "Refunded and not owed again",
    Movement.COLLECTED: "Collected",
    Movement.CREDITED: "Credit used",
    Movement.WRITTEN_OFF: "Written off",
}
_SETTLING = (Movement.COLLECTED, Movement.CREDITED, Movement.WRITTEN_OFF)
_SUMS = {
    "billed": ("Billed", tuple(one for one in Movement if one not in _SETTLING)),
    "net_change": ("Net change", tuple(Movement)),
}


def behind(figure: str) -> tuple[str, tuple[Movement, ...]]:
    """What a figure is called, and what it is the sum of: a movement, `billed` or `net_change`; else what was
    collected."""
    if figure in _SUMS:
        return _SUMS[figure]
    movement = next((one for one in Movement if one == figure), Movement.COLLECTED)
    return movement.label, (movement,)


@dataclass(frozen=True)
class Wanted(Whose):
    """Whose documents, of which days and which movements."""

    span: Span
    movements: tuple[Movement, ...]


class Key(NamedTuple):
    """Where a line stands: the latest day first."""

    dated: date
    source_id: UUID
    kind: str

    @classmethod
    def read(cls, text: str | None) -> "Key | None":
        """The key that `str(key)` wrote; None when it is none."""
        return keyset.read(text, cls, date.fromisoformat, UUID, str)

    def __str__(self) -> str:
        return keyset.written(self)


def documents(wanted: Wanted) -> Select[Any]:
    """`dated`, `kind`, `source_id`, `amount` as the figure counts it, and the invoice with its `number`, its
    `member` and `chapter`."""
    found = _moved(wanted).subquery("moved")
    here = tenancy.organization_id()
    named = Invoice.number, Member.name_column().label("member"), Member.number.label("member_number")
    return (
        select(found, *named, Chapter.name.label("chapter"))
        .join(Invoice, and_(Invoice.organization_id == here, Invoice.id == found.c.invoice_id))
        .join(Member, and_(Member.organization_id == here, Member.id == found.c.member_id))
        .join(Chapter, and_(Chapter.organization_id == here, Chapter.id == found.c.chapter_id))
        .order_by(found.c.dated.desc(), found.c.source_id.desc(), found.c.kind.desc())
    )


def page(wanted: Wanted, size: int, *, after: Key | None) -> list[Any]:
    found = documents(wanted)
    if after is not None:
        moved = found.selected_columns
        found = found.where(tuple_(moved.dated, moved.source_id, moved.kind) < tuple_(*after))
    return list(db.session.execute(found.limit(size)))


def count_and_sum(wanted: Wanted) -> tuple[int, int]:
    """How many documents there are, and what they come to."""
    found = _moved(wanted).subquery("moved")
    count, amount = db.session.execute(
        select(func.count(), cast(func.coalesce(func.sum(found.c.amount), 0), BigInteger))
    ).one()
    return count, amount


def _moved(wanted: Wanted) -> Select[Any]:
    """An invoice's lines are one document."""
    changes = receivables.changes(*wanted.conditions).subquery("changes")
    kinds = [kind for movement in wanted.movements for kind in movement.kinds]
    amount = func.sum(changes.c.amount)
    signed = -amount if all(one.settles for one in wanted.movements) else amount
    names = ("dated", "kind", "source_id", "invoice_id", "member_id", "chapter_id")
    columns = [changes.c[name] for name in names]
    return (
        select(*columns, cast(signed, BigInteger).label("amount"))
        .where(changes.c.dated.between(wanted.span.since, wanted.span.until), changes.c.kind.in_(kinds))
        .group_by(*columns)
    )
