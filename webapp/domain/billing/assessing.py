"""Who pays what: one statement prices every member a schedule is meant for, or says why one pays nothing."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Numeric,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    true,
)
from sqlalchemy.orm import aliased

from webapp.core.db import OrganizationRow
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.rates import DuesRate
from webapp.domain.billing.schedules import AssessmentSchedule, Basis, ScheduleKind
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import Chapter, Member, MemberStatus


class Omission(StrEnum):
    """Why a member of the schedule's scope got no invoice."""

    STATUS_NOT_BILLABLE = "status_not_billable"
    ZERO_AMOUNT = "zero_amount"
    LEFT = "left"
    NOT_YET_JOINED = "not_yet_joined"
    NO_SHARE = "no_share"

    @property
    def label(self) -> str:
        return {
            Omission.STATUS_NOT_BILLABLE: "Status is not billed",
            Omission.ZERO_AMOUNT: "Nothing to pay",
            Omission.LEFT: "Has left",
            Omission.NOT_YET_JOINED: "Has not joined yet",
            Omission.NO_SHARE: "No ownership share",
        }[self]


@dataclass(frozen=True)
class Occasion:
    """A schedule billed for a period, with everybody judged as of one day."""

    schedule: AssessmentSchedule
    period: BillingPeriod
    dated: date
    settings: DuesSettings

    @property
    def prorates(self) -> bool:
        return (
            self.settings.prorate_late_joiners
            and self.schedule.kind is ScheduleKind.REGULAR_DUES
            and self.schedule.basis is not Basis.SHARE
        )

    @property
    def due_dates(self) -> tuple[date, date]:
        """Due and end of grace: the period's, or for those billed later as many days as a period gives."""
        if self.period.due_on >= self.dated:
            return self.period.due_on, self.period.grace_ends_on
        due_on = self.dated + timedelta(days=self.settings.due_after_days)
        return due_on, due_on + (self.period.grace_ends_on - self.period.due_on)

    @property
    def title(self) -> str:
        return f"{self.schedule.name}, {self.period.name}"


def assessed(occasion: Occasion, *some: ColumnElement[bool]) -> Subquery:
    """Everyone in the schedule's scope, or `some` of them, with `amount` in minor units.

    `already`: has a live invoice for it. `omitted`: why there will be none. `billed`: will get one.
    `unit_amount` is the price before it was divided or prorated.
    """
    priced = _priced(occasion, *some).subquery("priced")
    if occasion.schedule.basis is Basis.SHARE:
        priced = _divided(priced)
    else:
        amount = _prorated(occasion, priced) if occasion.prorates else priced.c.unit_amount
        priced = select(priced, amount.label("amount")).subquery("charged")
    omitted = case(
        (priced.c.already, null()),
        (priced.c.standing.is_not(None), priced.c.standing),
        (priced.c.amount == 0, Omission.ZERO_AMOUNT.value),
        else_=null(),
    )
    judged = select(priced, cast(omitted, Text()).label("omitted")).subquery("judged")
    billed = and_(~judged.c.already, judged.c.omitted.is_(None))
    return select(judged, billed.label("billed")).subquery("assessed")


def _priced(occasion: Occasion, *some: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    own, general, live = aliased(DuesRate), aliased(DuesRate), _live_invoice(occasion)
    schedule, period = occasion.schedule, occasion.period
    unit_amount, rate_id = _unit_price(occasion, own, general)
    prorated_from = _late_join(occasion)
    return (
        select(
            Member.id.label("member_id"),
            Member.number.label("member_number"),
            Member.first_name,
            Member.last_name,
            Member.address,
            Member.chapter_id,
            Chapter.name.label("chapter_name"),
            Member.status_id,
            MemberStatus.label.label("status_label"),
            Member.ownership_share.label("share"),
            unit_amount.label("unit_amount"),
            rate_id.label("rate_id"),
            prorated_from.label("prorated_from"),
            _standing(occasion).label("standing"),
            live.c.id.is_not(None).label("already"),
        )
        .join(Chapter, _same(Member.chapter_id, Chapter))
        .join(MemberStatus, _same(Member.status_id, MemberStatus))
        .outerjoin(own, _applies(own, period, own.chapter_id == Member.chapter_id))
        .outerjoin(general, _applies(general, period, general.chapter_id.is_(None)))
        .outerjoin(live, true())
        .where(schedule.in_scope, *some)
    )


def _live_invoice(occasion: Occasion) -> FromClause:
    """The member's own for this schedule and period; there is at most one.

    Looked up for each member by itself: while its statistics are older than the run, the planner takes the
    organization for one without invoices, and would look through all of them for each member. The period is
    kept from it for the same reason.
    """
    return (
        select(Invoice.id)
        .where(
            Invoice.organization_id == Member.organization_id,
            Invoice.member_id == Member.id,
            Invoice.schedule_id == occasion.schedule.id,
            func.coalesce(Invoice.period_id) == occasion.period.id,
            Invoice.status != InvoiceStatus.VOID,
        )
        .correlate(Member)
        .limit(1)
        .lateral("live")
    )


def _same(column: Any, kind: type[OrganizationRow]) -> ColumnElement[bool]:
    return and_(kind.organization_id == Member.organization_id, kind.id == column)


def _applies(rate: type[DuesRate], period: BillingPeriod, where: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(
        rate.organization_id == Member.organization_id,
        rate.status_id == Member.status_id,
        rate.in_force(period.starts_on),
        where,
    )


def _unit_price(
    occasion: Occasion, own: type[DuesRate], general: type[DuesRate]
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """The most specific rate wins: status in chapter, status, the organization's default."""
    if occasion.schedule.basis is Basis.RATE:
        default = literal(occasion.settings.default_amount, BigInteger())
        return func.coalesce(own.amount, general.amount, default), func.coalesce(own.id, general.id)
    no_rate = cast(null(), DuesRate.id.type)
    amount = literal(occasion.schedule.amount, BigInteger())
    if occasion.schedule.basis is Basis.FLAT:
        return amount, no_rate
    billed = (
        select(func.coalesce(func.sum(Invoice.billed), 0))
        .where(
            Invoice.organization_id == occasion.schedule.organization_id,
            Invoice.schedule_id == occasion.schedule.id,
            Invoice.period_id == occasion.period.id,
            Invoice.status != InvoiceStatus.VOID,
        )
        .scalar_subquery()
    )
    return func.greatest(amount - billed, 0), no_rate


def _standing(occasion: Occasion) -> ColumnElement[Any]:
    reasons = [
        (Member.left_on < occasion.dated, Omission.LEFT.value),
        (Member.joined_on > occasion.dated, Omission.NOT_YET_JOINED.value),
        (~MemberStatus.billable, Omission.STATUS_NOT_BILLABLE.value),
    ]
    if occasion.schedule.basis is Basis.SHARE:
        reasons.append((func.coalesce(Member.ownership_share, 0) == 0, Omission.NO_SHARE.value))
    return case(*reasons, else_=null())


def _late_join(occasion: Occasion) -> ColumnElement[Any]:
    if not occasion.prorates:
        return cast(null(), Date())
    return case((Member.joined_on > occasion.period.starts_on, Member.joined_on), else_=null())


def _prorated(occasion: Occasion, priced: FromClause) -> ColumnElement[Any]:
    """For the days from joining to the period's end, both included; the whole for everybody else."""
    days = func.greatest(0, literal(occasion.period.ends_on, Date()) - priced.c.prorated_from + 1)
    exact = cast(priced.c.unit_amount, Numeric()) * days / occasion.period.days
    return case(
        (priced.c.prorated_from.is_(None), priced.c.unit_amount), else_=cast(func.round(exact), BigInteger())
    )


def _divided(priced: FromClause) -> Subquery:
    """The total divided by share among those who pay: largest remainders, equal ones by member number.

    The parts always sum to the total; what live invoices hold of it already is not divided again.
    """
    payer = and_(~priced.c.already, priced.c.standing.is_(None))
    exact = cast(priced.c.unit_amount, Numeric()) * priced.c.share
    whole = func.nullif(func.sum(priced.c.share).over(partition_by=payer), 0)
    parts = select(
        priced,
        payer.label("payer"),
        func.div(exact, whole).label("floor"),
        func.mod(exact, whole).label("remainder"),
    ).subquery("parts")
    by_remainder = [parts.c.remainder.desc(), parts.c.member_number.collate("C")]
    ranked = select(
        parts,
        func.row_number().over(partition_by=parts.c.payer, order_by=by_remainder).label("rank"),
        (parts.c.unit_amount - func.sum(parts.c.floor).over(partition_by=parts.c.payer)).label("short"),
    ).subquery("ranked")
    part = ranked.c.floor + case((ranked.c.rank <= ranked.c.short, 1), else_=0)
    amount = case((ranked.c.payer, cast(part, BigInteger())), else_=literal(0, BigInteger()))
    kept = [ranked.c[column.name] for column in priced.c]
    return select(*kept, amount.label("amount")).subquery("divided")
