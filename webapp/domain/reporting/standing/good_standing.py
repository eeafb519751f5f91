"""Whether a member is in good standing on a day, by the organization's rule, and why."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from babel.dates import format_date
from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from webapp.core import money, tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Chapter, Member, Organization
from webapp.domain.plans.plan import PaymentPlan, PlanInvoice
from webapp.domain.reporting import receivables
from webapp.domain.reporting.standing.waivers import in_force


class Basis(StrEnum):
    """What decides. A debt that is too old goes before everything but a waiver."""

    SETTLED = "settled"
    PLAN_KEPT = "plan_kept"
    WAIVED = "waived"
    OWES = "owes"


@dataclass(frozen=True)
class Standing:
    """One member's on that day. `too_old` is what was due more than `after_days` days before, in minor units,
    the oldest of it since `oldest_due_on`."""

    on: date
    basis: Basis
    after_days: int
    too_old: int
    oldest_due_on: date | None
    waived_until: date | None
    waiver_reason: str | None

    @property
    def is_good(self) -> bool:
        return self.basis is not Basis.OWES

    def sentence(self, organization: Organization) -> str:
        """The reason in words. It names no debt of somebody in good standing."""
        if self.waived_until is not None:
            return f"Good standing is granted until {_day(self.waived_until, organization)}."
        if self.oldest_due_on is None:
            beside = " beside a payment plan that is kept" if self.basis is Basis.PLAN_KEPT else ""
            return f"Owes nothing that {self._too_late}{beside}."
        owed = money.display(self.too_old, organization.currency, organization.locale)
        return (
            f"Owes {owed} that {self._too_late}, the oldest since {_day(self.oldest_due_on, organization)}."
        )

    @property
    def _too_late(self) -> str:
        days = f"{self.after_days} day{'' if self.after_days == 1 else 's'}"
        return f"was due more than {days} before" if self.after_days else "is past its due date"


@dataclass(frozen=True)
class Wanted:
    """`good` leaves only those who are, or only those who are not."""

    chapter_id: UUID | None = None
    good: bool | None = None


def of(member: Member, on: date, *, past: bool = False) -> Standing:
    """A `past` day is judged by what was owed then; today and days to come by what is owed now."""
    debt = _too_old(_owed(on, Invoice.member_id == member.id, past=past), on)
    return standing_of(
        db.session.execute(_joined(on, debt, in_force(on)).where(Member.id == member.id)).one()
    )


def everybody(on: date, *, past: bool = False) -> Select[Any]:
    """Whoever ever was a member: id, number, first_name, last_name, chapter, and what `standing_of` reads."""
    return _joined(on, _too_old(_owed(on, past=past), on), in_force(on))


def listed(wanted: Wanted, on: date, *, past: bool = False) -> Select[Any]:
    """The same of those who are members on that day."""
    debt, waiver = _too_old(_owed(on, past=past), on), in_force(on)
    good = or_(debt.c.owed.is_(None), waiver.c.member_id.is_not(None))
    found = _joined(on, debt, waiver).where(
        or_(Member.joined_on.is_(None), Member.joined_on <= on),
        or_(Member.left_on.is_(None), Member.left_on >= on),
    )
    if wanted.chapter_id:
        found = found.where(Member.chapter_id == wanted.chapter_id)
    if wanted.good is not None:
        found = found.where(good if wanted.good else ~good)
    return found


def by_name(found: Select[Any], *, after: UUID | None = None) -> Select[Any]:
    """In the order of names, from that member on."""
    names = (func.lower(Member.last_name), func.lower(Member.first_name), Member.id)
    if after is not None:
        last = db.session.execute(
            select(*names).where(Member.organization_id == tenancy.organization_id(), Member.id == after)
        ).first()
        found = found.where(tuple_(*names) > tuple_(*map(literal, last))) if last else found
    return found.order_by(*names)


def count(found: Select[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(found.order_by(None).subquery())) or 0


def standing_of(row: Any) -> Standing:
    """What a row of a list says."""
    return Standing(
        on=row.on,
        basis=Basis(row.basis),
        after_days=row.after_days,
        too_old=int(row.too_old),
        oldest_due_on=row.oldest_due_on,
        waived_until=row.waived_until,
        waiver_reason=row.waiver_reason,
    )


def _joined(on: date, debt: Subquery, waiver: Subquery) -> Select[Any]:
    here = Member.organization_id
    return (
        select(
            Member.id,
            Member.number,
            Member.first_name,
            Member.last_name,
            Chapter.name.label("chapter"),
            literal(on, Date()).label("on"),
            _basis(debt, waiver).label("basis"),
            _rule(DuesSettings.standing_after_days).label("after_days"),
            func.coalesce(debt.c.owed, 0).label("too_old"),
            debt.c.oldest_due_on,
            waiver.c.until.label("waived_until"),
            waiver.c.reason.label("waiver_reason"),
        )
        .join(Chapter, and_(Chapter.organization_id == here, Chapter.id == Member.chapter_id))
        .outerjoin(debt, debt.c.member_id == Member.id)
        .outerjoin(waiver, waiver.c.member_id == Member.id)
        .where(here == tenancy.organization_id())
    )


def _basis(debt: Subquery, waiver: Subquery) -> ColumnElement[str]:
    return case(
        (waiver.c.member_id.is_not(None), Basis.WAIVED.value),
        (debt.c.owed.is_not(None), Basis.OWES.value),
        (debt.c.member_id.is_not(None), Basis.PLAN_KEPT.value),
        else_=Basis.SETTLED.value,
    )


def _owed(on: date, *only: ColumnElement[bool], past: bool) -> Subquery:
    """What each invoice owes: invoice_id, member_id, due_on, owed."""
    if past:
        return receivables.owed_at(on, *only).subquery("owed")
    here = Invoice.organization_id == tenancy.organization_id()
    columns = Invoice.id.label("invoice_id"), Invoice.member_id, Invoice.due_on, Invoice.owed
    return select(*columns).where(here, *only).subquery("owed")


def _too_old(owed: Subquery, on: date) -> Subquery:
    """What is owed and was due too long before that day; what counts against the member is in `owed`."""
    late = owed.c.due_on < literal(on, Date()) - _rule(cast(DuesSettings.standing_after_days, Integer()))
    counts = ~and_(_rule(DuesSettings.standing_with_kept_plan), _in_kept_plan(owed, on))
    sums = (
        func.sum(owed.c.owed).filter(counts).label("owed"),
        func.min(owed.c.due_on).filter(counts).label("oldest_due_on"),
    )
    found = select(owed.c.member_id, *sums).where(owed.c.owed > 0, late)
    return found.group_by(owed.c.member_id).subquery("debt")


def _in_kept_plan(owed: Subquery, on: date) -> ColumnElement[bool]:
    """A plan is kept from the day it was accepted to the one before it ended, however it did."""
    same = and_(
        PlanInvoice.organization_id == PaymentPlan.organization_id, PlanInvoice.plan_id == PaymentPlan.id
    )
    kept = select(PlanInvoice.id).join(PaymentPlan, same)
    return kept.where(
        PaymentPlan.organization_id == tenancy.organization_id(),
        PlanInvoice.invoice_id == owed.c.invoice_id,
        PaymentPlan.accepted_on <= on,
        or_(PaymentPlan.ended_on.is_(None), PaymentPlan.ended_on > on),
    ).exists()


def _rule(setting: Any) -> ScalarSelect[Any]:
    return select(setting).where(DuesSettings.organization_id == tenancy.organization_id()).scalar_subquery()


def _day(day: date, organization: Organization) -> str:
    return format_date(day, "long", locale=organization.locale)
