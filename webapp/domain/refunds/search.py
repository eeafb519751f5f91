"""Finding refunds: what the lists of treasurers and of the national office show, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_
from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.organizations import Member
from webapp.domain.refunds.refund import How, Refund, RefundState


@dataclass(frozen=True)
class WantedRefunds:
    """`text` is part of a name, a member's number, a check's number or the processor's reference."""

    text: str = ""
    state: RefundState | None = None
    how: How | None = None
    since: date | None = None
    until: date | None = None
    chapter_id: UUID | None = None


def refunds(wanted: WantedRefunds) -> Select[Any]:
    """The latest first."""
    found = Refund.here().select()
    found = found.options(
        joinedload(Refund.member),
        joinedload(Refund.chapter),
        joinedload(Refund.invoice),
        joinedload(Refund.payment),
        joinedload(Refund.requested_by),
    )
    if wanted.text:
        found = found.join(Refund.member).where(
            or_(
                Member.last_name.icontains(wanted.text, autoescape=True),
                Member.first_name.icontains(wanted.text, autoescape=True),
                Member.number == wanted.text,
                Refund.check_number == wanted.text,
                Refund.processor_reference == wanted.text,
            )
        )
    conditions = {Refund.state: wanted.state, Refund.how: wanted.how, Refund.chapter_id: wanted.chapter_id}
    found = found.where(*(column == value for column, value in conditions.items() if value is not None))
    if wanted.since:
        found = found.where(Refund.refunded_on >= wanted.since)
    if wanted.until:
        found = found.where(Refund.refunded_on <= wanted.until)
    return found.order_by(Refund.id.desc())


def refunds_page(wanted: WantedRefunds, *, after: UUID | None, size: int) -> Sequence[Refund]:
    found = refunds(wanted).limit(size)
    if after is not None:
        found = found.where(Refund.id < after)
    rows: Sequence[Refund] = db.session.scalars(found).all()
    return rows
