"""What a billing run would do, before anybody is billed."""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Numeric, Subquery, Text, and_, case, cast, func, null, select

from webapp.core import tenancy
from webapp.core.db import HasId, db
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing.assessing import Occasion, Omission, assessed
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import Chapter, MemberStatus

SHOWN_OUTLIERS = 25
TIMES_THE_MEDIAN = 3
CHANGE_SINCE_LAST = "0.5"


@dataclass
class Sum:
    """Members who will be billed, and their total in minor units."""

    count: int = 0
    total: int = 0

    def add(self, count: int, total: int) -> None:
        self.count += count
        self.total += total


@dataclass(frozen=True)
class Outlier:
    """Somebody whose amount is worth a second look. `last` is what the last period cost, if there was one."""

    member_id: UUID
    name: str
    number: str
    amount: int
    last: int | None


@dataclass(frozen=True)
class Summary:
    """What somebody who confirms a run has seen of it; written and read as one word.

    `fingerprint` stands for who pays what by which rate and on which terms, member by member.
    """

    invoices: int
    total: int
    already: int
    left_out: int
    dated: date
    fingerprint: str

    def __str__(self) -> str:
        counts = f"{self.invoices}.{self.total}.{self.already}.{self.left_out}"
        return f"{counts}.{self.dated.isoformat()}.{self.fingerprint}"

    @classmethod
    def read(cls, text: str) -> "Summary":
        """What `str()` wrote; Invalid when it is something else."""
        try:
            invoices, total, already, left_out, dated, fingerprint = text.split(".")
            numbers = int(invoices), int(total), int(already), int(left_out)
            return cls(*numbers, date.fromisoformat(dated), fingerprint)
        except ValueError as error:
            raise Invalid(fields={"seen": "Give it as the preview gave it."}) from error


@dataclass
class Preview:
    schedule: AssessmentSchedule
    period: BillingPeriod
    dated: date
    due_on: date
    billed: Sum = field(default_factory=Sum)
    by_status: dict[str, Sum] = field(default_factory=dict)
    by_chapter: dict[str, Sum] = field(default_factory=dict)
    omitted: dict[Omission, int] = field(default_factory=dict)
    already: int = 0
    fingerprint: str = ""
    last_period: BillingPeriod | None = None
    last: Sum = field(default_factory=Sum)
    outliers: list[Outlier] = field(default_factory=list)
    outliers_in_all: int = 0

    @property
    def left_out(self) -> int:
        return sum(self.omitted.values())

    @property
    def considered(self) -> int:
        return self.billed.count + self.already + self.left_out

    @property
    def summary(self) -> Summary:
        sums = self.billed.count, self.billed.total, self.already, self.left_out
        return Summary(*sums, self.dated, self.fingerprint)


def preview(
    organization: HasId, schedule: AssessmentSchedule, period: BillingPeriod, *, dated: date
) -> Preview:
    """Who would be billed how much, who would not and why, and what stands out. Changes nothing."""
    refuse_unbillable(schedule, period)
    occasion = Occasion(schedule, period, dated, DuesSettings.of(organization))
    seen = _looked(occasion)
    _compare(seen)
    _single_out(seen, assessed(occasion))
    return seen


def summary(
    organization: HasId, schedule: AssessmentSchedule, period: BillingPeriod, *, dated: date
) -> Summary:
    """Of the preview that would be shown now."""
    return _looked(Occasion(schedule, period, dated, DuesSettings.of(organization))).summary


def refuse_unbillable(schedule: AssessmentSchedule, period: BillingPeriod) -> None:
    """Closed periods, retired schedules and schedules of another period bill nobody."""
    if period.is_closed:
        raise Conflict(
            f"{period.name} is closed.",
            next_step="Bill a period that is open; closed books stay closed.",
        )
    if not schedule.active:
        raise Conflict(f"“{schedule.name}” has been retired.", next_step="Bring it back, or bill another.")
    if not schedule.applies_to(period):
        raise Conflict(f"“{schedule.name}” is not charged for {period.name}.")


def _looked(occasion: Occasion) -> Preview:
    seen = Preview(occasion.schedule, occasion.period, occasion.dated, occasion.due_dates[0])
    _count(seen, occasion)
    return seen


def _count(seen: Preview, occasion: Occasion) -> None:
    found = assessed(occasion)
    kinds = (MemberStatus.label, Chapter.name, found.c.billed, found.c.already, found.c.omitted)
    here = tenancy.organization_id()
    groups = (
        select(*kinds, func.count(), func.coalesce(func.sum(found.c.amount), 0), func.sum(_hash(found)))
        .select_from(found)
        .join(MemberStatus, and_(MemberStatus.organization_id == here, MemberStatus.id == found.c.status_id))
        .join(Chapter, and_(Chapter.organization_id == here, Chapter.id == found.c.chapter_id))
        .group_by(*kinds)
    )
    members = 0
    for status, chapter, billed, already, omitted, count, total, hashes in db.session.execute(groups):
        members += int(hashes)
        if billed:
            seen.billed.add(count, int(total))
            seen.by_status.setdefault(status, Sum()).add(count, int(total))
            seen.by_chapter.setdefault(chapter, Sum()).add(count, int(total))
        elif already:
            seen.already += count
        else:
            seen.omitted[Omission(omitted)] = seen.omitted.get(Omission(omitted), 0) + count
    seen.by_status = dict(sorted(seen.by_status.items()))
    seen.by_chapter = dict(sorted(seen.by_chapter.items()))
    terms = occasion.title, occasion.due_dates, occasion.schedule.chapter_percent.normalize(), members
    seen.fingerprint = hashlib.sha256(repr(terms).encode()).hexdigest()[:32]


def _hash(found: Subquery) -> ColumnElement[Any]:
    """Of one member's place in the run; their sum is the same in whatever order they are read."""
    names = "member_id", "chapter_id", "status_id", "rate_id", "unit_amount", "amount", "omitted", "already"
    words = [func.coalesce(cast(found.c[name], Text()), "") for name in names]
    return cast(func.hashtextextended(func.concat_ws("|", *words), 0), Numeric())


def _compare(seen: Preview) -> None:
    """With the period of this schedule that was billed before this one."""
    live = and_(
        Invoice.organization_id == BillingPeriod.organization_id,
        Invoice.period_id == BillingPeriod.id,
        Invoice.schedule_id == seen.schedule.id,
        Invoice.status != InvoiceStatus.VOID,
    )
    earlier = (
        BillingPeriod.here()
        .select(BillingPeriod.starts_on < seen.period.starts_on, select(Invoice.id).where(live).exists())
        .with_only_columns(BillingPeriod.id)
        .order_by(BillingPeriod.starts_on.desc())
        .limit(1)
        .scalar_subquery()
    )
    last = (
        select(BillingPeriod, func.count(), func.sum(Invoice.billed))
        .join(Invoice, live)
        .where(BillingPeriod.organization_id == tenancy.organization_id(), BillingPeriod.id == earlier)
        .group_by(BillingPeriod.organization_id, BillingPeriod.id)
    )
    if row := db.session.execute(last).first():
        seen.last_period, seen.last = row[0], Sum(row[1], int(row[2]))


def _single_out(seen: Preview, found: Subquery) -> None:
    """More than three times the median, or more than half off what the member paid last time."""
    median = (
        select(func.percentile_disc(0.5).within_group(found.c.amount)).where(found.c.billed).scalar_subquery()
    )
    last, source = _last_amounts(seen, found)
    far_off = cast(found.c.amount, Numeric()) > median * TIMES_THE_MEDIAN
    changed = func.abs(found.c.amount - last) > last * cast(CHANGE_SINCE_LAST, Numeric())
    strange = (
        select(
            found.c.member_id,
            func.btrim(found.c.first_name + " " + found.c.last_name).label("name"),
            found.c.member_number.label("number"),
            found.c.amount,
            last.label("last"),
            func.count().over().label("in_all"),
        )
        .select_from(source)
        .where(found.c.billed, case((far_off, True), (changed, True), else_=False))
        .order_by(found.c.amount.desc(), found.c.member_number)
        .limit(SHOWN_OUTLIERS)
    )
    for *values, in_all in db.session.execute(strange):
        seen.outliers.append(Outlier(*values))
        seen.outliers_in_all = in_all


def _last_amounts(seen: Preview, found: Subquery) -> tuple[ColumnElement[Any], Any]:
    if seen.last_period is None:
        return cast(null(), Invoice.billed.type), found
    on = (
        (Invoice.organization_id == seen.schedule.organization_id)
        & (Invoice.member_id == found.c.member_id)
        & (Invoice.schedule_id == seen.schedule.id)
        & (Invoice.period_id == seen.last_period.id)
        & (Invoice.status != InvoiceStatus.VOID)
    )
    return Invoice.billed.expression, found.outerjoin(Invoice, on)
