"""Late fees as lists show them: those a day would bring, and those that were charged."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, and_, func, literal, select

from webapp.core.db import db
from webapp.domain.billing import late_fee_rules
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.late_fees import LateFee, LateFeeRun
from webapp.domain.organizations import Chapter, Member, Organization

_RULE = ("owed", "source", "kind", "percent", "maximum", "after_days", "amount")


@dataclass(frozen=True)
class Wanted:
    """`member_id` is for fees that were charged."""

    chapter_id: UUID | None = None
    member_id: UUID | None = None


def foreseen(organization: Organization, on: date, wanted: Wanted) -> Select[Any]:
    """What that day brings if nothing is paid until then, in the order of the invoices.

    Columns as `charged` has them; the id is the invoice's.
    """
    coming = late_fee_rules.due(organization, on).subquery("coming")
    rule = [coming.c[one].label(one) for one in _RULE]
    found = (
        select(coming.c.invoice_id.label("id"), literal(on, Date()).label("charged_on"), *_NAMES, *rule)
        .select_from(coming)
        .join(Invoice, and_(Invoice.organization_id == organization.id, Invoice.id == coming.c.invoice_id))
    )
    return _named(found, wanted).order_by(Invoice.id)


def charged(organization: Organization, wanted: Wanted) -> Select[Any]:
    """Newest first: id, charged_on, invoice_id, number, due_on, the member's and the chapter's names, the
    rule, and in minor units what was owed and what the fee was."""
    here, rule = LateFee.organization_id, [getattr(LateFee, one) for one in _RULE]
    found = (
        select(LateFee.id, LateFeeRun.charged_on, *_NAMES, *rule)
        .select_from(LateFee)
        .join(LateFeeRun, and_(LateFeeRun.organization_id == here, LateFeeRun.id == LateFee.run_id))
        .join(Invoice, and_(Invoice.organization_id == here, Invoice.id == LateFee.invoice_id))
        .where(here == organization.id)
    )
    if wanted.member_id:
        found = found.where(Invoice.member_id == wanted.member_id)
    return _named(found, wanted).order_by(LateFee.id.desc())


def sums(found: Select[Any]) -> tuple[int, int]:
    """How many fees a list holds, and what they come to in minor units."""
    rows = found.order_by(None).subquery("rows")
    count, total = db.session.execute(select(func.count(), func.sum(rows.c.amount)).select_from(rows)).one()
    return count, int(total or 0)


_NAMES = (
    Invoice.id.label("invoice_id"),
    Invoice.number,
    Invoice.due_on,
    Member.id.label("member_id"),
    Member.number.label("member_number"),
    Member.name_column().label("member"),
    Chapter.name.label("chapter"),
)


def _named(found: Select[Any], wanted: Wanted) -> Select[Any]:
    here = Invoice.organization_id
    found = found.join(Member, and_(Member.organization_id == here, Member.id == Invoice.member_id))
    found = found.join(Chapter, and_(Chapter.organization_id == here, Chapter.id == Invoice.chapter_id))
    return found.where(Invoice.chapter_id == wanted.chapter_id) if wanted.chapter_id else found
