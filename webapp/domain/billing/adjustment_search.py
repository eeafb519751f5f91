"""Finding adjustments: the filters that the list, its file and programs share, newest first."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_
from sqlalchemy.orm import joinedload

from webapp.core.db import HasId
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, AdjustmentState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Member


@dataclass(frozen=True)
class WantedAdjustments:
    """What is left None does not matter; `text` is part of a name, or a member's or an invoice's number."""

    state: AdjustmentState | None = None
    kind: AdjustmentKind | None = None
    chapter_id: UUID | None = None
    member_id: UUID | None = None
    invoice_id: UUID | None = None
    text: str = ""


def find(
    organization: HasId, wanted: WantedAdjustments, *, after: UUID | None = None, limit: int | None = None
) -> Select[Any]:
    """With invoice, member, chapter and who asked; one more than `limit` tells that there is more."""
    found = (
        Adjustment.in_(organization)
        .select()
        .join(Adjustment.invoice)
        .join(Invoice.member)
        .options(
            joinedload(Adjustment.invoice).options(joinedload(Invoice.member), joinedload(Invoice.chapter)),
            joinedload(Adjustment.requested_by),
            joinedload(Adjustment.decided_by),
        )
        .order_by(Adjustment.id.desc())
    )
    equal = (
        (Adjustment.state, wanted.state),
        (Adjustment.kind, wanted.kind),
        (Adjustment.invoice_id, wanted.invoice_id),
        (Invoice.chapter_id, wanted.chapter_id),
        (Invoice.member_id, wanted.member_id),
    )
    for column, value in equal:
        if value is not None:
            found = found.where(column == value)
    if wanted.text:
        found = found.where(
            or_(
                Invoice.number.icontains(wanted.text, autoescape=True),
                (Member.first_name + " " + Member.last_name).icontains(wanted.text, autoescape=True),
                Member.number == wanted.text,
            )
        )
    if after is not None:
        found = found.where(Adjustment.id < after)
    return found.limit(limit + 1) if limit else found
