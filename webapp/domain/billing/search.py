"""Finding invoices: the filters that lists, files and programs share, and pages by key."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, literal, or_, select, tuple_

from webapp.core import money, tenancy
from webapp.core.db import db
from webapp.core.errors import Invalid, NotFound
from webapp.core.statements import made_for_each, made_once
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import Chapter, Member, Organization

OWED = "owed"
_NUMBER = re.compile(r"(\d{4})-(\d{1,9})")

_COLUMNS = (
    Invoice.id,
    Invoice.number,
    Invoice.status,
    Invoice.processing,
    Invoice.issued_on,
    Invoice.due_on,
    Invoice.billed,
    Invoice.adjusted,
    Invoice.paid,
    Invoice.owed,
    Member.id.label("member_id"),
    Member.number.label("member_number"),
    Member.first_name,
    Member.last_name,
    Member.email,
    Chapter.code.label("chapter_code"),
    Chapter.name.label("chapter"),
    BillingPeriod.code.label("period_code"),
    BillingPeriod.name.label("period"),
)


@dataclass(frozen=True)
class InvoiceFilter:
    """What is asked for; what is left None does not matter. `status` is an InvoiceStatus or `owed`.

    `among` names the invoices themselves.
    """

    status: str | None = None
    period: str | None = None
    chapter_id: UUID | None = None
    member_id: UUID | None = None
    run_id: UUID | None = None
    due_before: date | None = None
    due_after: date | None = None
    q: str | None = None
    among: Select[UUID] | Sequence[UUID] | None = None


ORDERS = {
    "number": Invoice.sequence,
    "due": Invoice.due_on,
    "owed": Invoice.owed,
    "billed": Invoice.billed,
    "member": Member.last_name,
}


def find(
    wanted: InvoiceFilter,
    organization: Organization,
    *,
    sort: str = "-number",
    after: UUID | None = None,
    limit: int | None = 50,
) -> Select[Any]:
    """Rows of invoice, member, chapter and period; one more than `limit` tells that there is more."""
    return _in_order(_lines().where(*_conditions(wanted, organization)), sort, after, limit)


def page(
    wanted: InvoiceFilter, organization: Organization, *, sort: str, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """What `find` finds. A list as it opens is put together only once, for that is most of its work."""
    values = {name: value for name in _OF_A_LIST if (value := getattr(wanted, name)) is not None}
    if after is None and wanted == InvoiceFilter(**values):
        return db.session.execute(_as_it_opens((*values, sort, limit)), values).all()
    return db.session.execute(find(wanted, organization, sort=sort, after=after, limit=limit)).all()


_OF_A_LIST = ("chapter_id", "member_id", "run_id")
"""Whose invoices a list shows before anything is asked of it."""


@made_for_each
def _as_it_opens(kind: tuple[Any, ...]) -> Select[Any]:
    *names, sort, limit = kind
    of = [getattr(Invoice, name) == bindparam(name) for name in names]
    return _in_order(_lines().where(Invoice.organization_id == tenancy.HERE, *of), sort, None, limit)


def _in_order(found: Select[Any], sort: str, after: UUID | None, limit: int | None) -> Select[Any]:
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    column = ORDERS.get(name)
    if column is None:
        raise Invalid(f"Lists can't be sorted by “{name}”.")
    keys = [Invoice.year, column, Invoice.id] if name == "number" else [column, Invoice.id]
    if after is not None:
        found = found.where(_beyond(keys, after, descending=descending))
    ordered = found.order_by(*[key.desc() if descending else key.asc() for key in keys])
    return ordered.limit(limit + 1) if limit else ordered


def ids(wanted: InvoiceFilter, organization: Organization) -> Select[UUID]:
    """Of all that match, in the order of their numbers."""
    return (
        _joined(Invoice.id).where(*_conditions(wanted, organization)).order_by(Invoice.year, Invoice.sequence)
    )


def exactly_numbered(text: str) -> UUID | None:
    """The invoice whose number somebody typed, written in full or without its zeros."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    return db.session.scalar(
        select(Invoice.id).where(
            Invoice.organization_id == tenancy.organization_id(),
            Invoice.year == int(match[1]),
            Invoice.sequence == int(match[2]),
        )
    )


@made_once
def _lines() -> Select[Any]:
    """Put together once, for every list begins with it."""
    return _joined(*_COLUMNS)


def _joined(*columns: Any) -> Select[Any]:
    here = Invoice.organization_id
    return (
        select(*columns)
        .join(Member, and_(Member.organization_id == here, Member.id == Invoice.member_id))
        .join(Chapter, and_(Chapter.organization_id == here, Chapter.id == Invoice.chapter_id))
        .join(
            BillingPeriod, and_(BillingPeriod.organization_id == here, BillingPeriod.id == Invoice.period_id)
        )
    )


def _beyond(keys: list[Any], after: UUID, *, descending: bool) -> ColumnElement[bool]:
    row = db.session.execute(
        _joined(*keys).where(Invoice.organization_id == tenancy.organization_id(), Invoice.id == after)
    ).first()
    if row is None:
        raise NotFound
    last = tuple_(*[literal(value) for value in row])
    return tuple_(*keys) < last if descending else tuple_(*keys) > last


def _conditions(wanted: InvoiceFilter, organization: Organization) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Invoice.organization_id == organization.id]
    equal = (
        (Invoice.chapter_id, wanted.chapter_id),
        (Invoice.member_id, wanted.member_id),
        (Invoice.run_id, wanted.run_id),
    )
    found += [column == value for column, value in equal if value is not None]
    if wanted.among is not None:
        found.append(Invoice.id.in_(wanted.among))
    if wanted.period:
        found.append(BillingPeriod.code == wanted.period)
    if wanted.due_before:
        found.append(Invoice.due_on < wanted.due_before)
    if wanted.due_after:
        found.append(Invoice.due_on > wanted.due_after)
    if wanted.status:
        found.append(_of_status(wanted.status))
    if wanted.q and wanted.q.strip():
        found.append(_matching(wanted.q.strip(), organization))
    return found


def _of_status(status: str) -> ColumnElement[bool]:
    if status == OWED:
        return Invoice.owed > 0
    if status not in set(InvoiceStatus):
        raise Invalid(f"There is no invoice status “{status}”.")
    return Invoice.status == InvoiceStatus(status)


def _matching(text: str, organization: Organization) -> ColumnElement[bool]:
    """By invoice number, member's name, number or mail address, or the amount owed or billed."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    names = Member.first_name + " " + Member.last_name
    matches: list[ColumnElement[bool]] = [
        Invoice.number.ilike(f"%{escaped}%"),
        names.ilike(f"%{escaped}%"),
        Member.number.ilike(f"{escaped}%"),
        Member.email.ilike(f"{escaped}%"),
    ]
    try:
        amount = money.parse(text, organization.currency, organization.locale)
    except Invalid:
        pass
    else:
        matches += [Invoice.owed == amount, Invoice.billed == amount]
    return or_(*matches)
