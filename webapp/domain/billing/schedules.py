"""What is charged each period, and to whom."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Numeric, UniqueConstraint, and_, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, tenancy
from webapp.core.db import Base, OrganizationRow, belongs_to, db, references, references_organization
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.settings import LateFeeKind
from webapp.domain.ledger import Code
from webapp.domain.organizations import Chapter, Login, Member, MemberStatus

STANDARD_NAME = "Regular dues"


class ScheduleKind(StrEnum):
    REGULAR_DUES = "regular_dues"
    SPECIAL_ASSESSMENT = "special_assessment"

    @property
    def income_account(self) -> Code:
        return Code.DUES_INCOME if self is ScheduleKind.REGULAR_DUES else Code.ASSESSMENT_INCOME

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


class Basis(StrEnum):
    """By each member's rate; one flat amount each; or one total divided by the members' ownership shares."""

    RATE = "rate"
    FLAT = "flat"
    SHARE = "share"

    @property
    def label(self) -> str:
        return {"rate": "By rate", "flat": "The same for everyone", "share": "By ownership share"}[self.value]


class AssessmentSchedule(OrganizationRow, Base):
    """Scope: everyone, or one chapter, or one status. `amount` is per member (flat) or the total (share).

    `period_id` null means every period. `chapter_percent` of each invoice belongs to the member's chapter.
    A late-fee rule of its own counts before the organization's; `late_fee_kind` null means it has none.
    """

    __tablename__ = "assessment_schedules"

    name: Mapped[str]
    kind: Mapped[ScheduleKind]
    basis: Mapped[Basis]
    amount: Mapped[int | None]
    chapter_id: Mapped[UUID | None]
    status_id: Mapped[UUID | None]
    period_id: Mapped[UUID | None]
    chapter_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2), default=Decimal(0))
    late_fee_kind: Mapped[LateFeeKind | None]
    late_fee_amount: Mapped[int | None]
    late_fee_percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 3))
    late_fee_maximum: Mapped[int | None]
    late_fee_after_days: Mapped[int | None]
    active: Mapped[bool] = mapped_column(default=True)
    approved_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    approved_at: Mapped[datetime] = mapped_column(server_default=func.now())

    chapter: Mapped[Chapter | None] = belongs_to("AssessmentSchedule.chapter_id", "Chapter")
    status: Mapped[MemberStatus | None] = belongs_to("AssessmentSchedule.status_id", "MemberStatus")
    period: Mapped[BillingPeriod | None] = belongs_to("AssessmentSchedule.period_id", "BillingPeriod")

    __table_args__ = (
        references_organization(),
        references("chapters", "chapter_id"),
        references("member_statuses", "status_id"),
        references("billing_periods", "period_id"),
        UniqueConstraint("organization_id", "name"),
        CheckConstraint("(basis = 'rate') = (amount IS NULL)", "amount_goes_with_basis"),
        CheckConstraint("amount >= 0", "amount_is_not_negative"),
        CheckConstraint("chapter_percent BETWEEN 0 AND 100", "percent_is_a_part"),
    )

    @property
    def in_scope(self) -> ColumnElement[bool]:
        """Members this is meant for, whatever they then pay."""
        conditions = [Member.organization_id == self.organization_id]
        if self.chapter_id:
            conditions.append(Member.chapter_id == self.chapter_id)
        if self.status_id:
            conditions.append(Member.status_id == self.status_id)
        return and_(*conditions)

    def applies_to(self, period: BillingPeriod) -> bool:
        return self.period_id is None or self.period_id == period.id

    def retire(self, *, by: Login | None) -> None:
        """Keep it for the invoices it made; it bills nobody any more."""
        if not self.active:
            raise Conflict(f"“{self.name}” has been retired already.")
        self.active = False
        audit.record("retired", self, by=by)

    def bring_back(self, *, by: Login | None) -> None:
        if self.active:
            raise Conflict(f"“{self.name}” is in use already.")
        self.active = True
        audit.record("brought back", self, by=by)


@dataclass(frozen=True)
class Terms:
    """What a schedule says: `amount` in minor units is per member (flat), or the total to divide (share)."""

    name: str
    kind: ScheduleKind
    basis: Basis
    amount: int | None = None
    chapter_id: UUID | None = None
    status_id: UUID | None = None
    period_id: UUID | None = None
    chapter_percent: Decimal = Decimal(0)
    late_fee_kind: LateFeeKind | None = None
    late_fee_amount: int | None = None
    late_fee_percent: Decimal | None = None
    late_fee_maximum: int | None = None
    late_fee_after_days: int | None = None

    def problems(self) -> dict[str, str]:
        found = {}
        if not self.name.strip():
            found["name"] = "Enter a name, as members will read it on their invoice."
        if self.basis is Basis.RATE and self.amount is not None:
            found["amount"] = "Leave this empty: each member pays the rate of the own status."
        if self.basis is not Basis.RATE and not (self.amount and self.amount > 0):
            found["amount"] = "Enter an amount above zero."
        if not 0 <= self.chapter_percent <= 100:
            found["chapter_percent"] = "Enter a percentage from 0 to 100."
        return found | self._late_fee_problems()

    def _late_fee_problems(self) -> dict[str, str]:
        found = {}
        if self.late_fee_kind is LateFeeKind.FLAT and not self.late_fee_amount:
            found["late_fee_amount"] = "Enter the flat late fee."
        if self.late_fee_kind is LateFeeKind.PERCENT and not self.late_fee_percent:
            found["late_fee_percent"] = "Enter the late fee in percent."
        if (self.late_fee_percent or 0) < 0 or (self.late_fee_percent or 0) > 100:
            found["late_fee_percent"] = "Enter a percentage from 0 to 100."
        for name in ("late_fee_amount", "late_fee_maximum"):
            if (getattr(self, name) or 0) < 0:
                found[name] = "An amount can't be negative."
        if not 0 <= (self.late_fee_after_days or 0) <= 730:
            found["late_fee_after_days"] = "Enter a number of days from 0 to 730."
        return found


def add(terms: Terms, *, by: Login | None) -> AssessmentSchedule:
    """A new schedule, approved by whoever adds it. Invalid when the terms contradict each other."""
    problems = terms.problems()
    if named(terms.name):
        problems["name"] = f"There is a schedule “{terms.name.strip()}” already."
    if problems:
        raise Invalid(fields=problems)
    schedule = AssessmentSchedule(
        name=terms.name.strip(),
        kind=terms.kind,
        basis=terms.basis,
        amount=terms.amount,
        chapter_id=terms.chapter_id,
        status_id=terms.status_id,
        period_id=terms.period_id,
        chapter_percent=terms.chapter_percent,
        late_fee_kind=terms.late_fee_kind,
        late_fee_amount=terms.late_fee_amount,
        late_fee_percent=terms.late_fee_percent,
        late_fee_maximum=terms.late_fee_maximum,
        late_fee_after_days=terms.late_fee_after_days,
        approved_by_id=by.id if by else None,
    )
    db.session.add(schedule)
    db.session.flush()
    after = {"name": schedule.name, "basis": schedule.basis.value, "amount": schedule.amount}
    audit.record("added", schedule, by=by, after=after)
    return schedule


def named(name: str) -> AssessmentSchedule | None:
    return AssessmentSchedule.here().first(AssessmentSchedule.name == name.strip())


def standard() -> AssessmentSchedule:
    """The schedule of regular dues that is billed when none is named: the oldest one in use."""
    regular = AssessmentSchedule.here().select(
        AssessmentSchedule.kind == ScheduleKind.REGULAR_DUES, AssessmentSchedule.active.is_(True)
    )
    found = db.session.scalars(regular.order_by(AssessmentSchedule.id).limit(1)).first()
    if found is None:
        raise Invalid("There is no schedule of regular dues in use. Add one, or name the schedule to bill.")
    return found


def open_standard() -> None:
    """Regular dues by rate, for the organization this transaction acts for. Repeating it adds nothing."""
    db.session.execute(
        insert(AssessmentSchedule)
        .values(
            organization_id=tenancy.organization_id(),
            name=STANDARD_NAME,
            kind=ScheduleKind.REGULAR_DUES,
            basis=Basis.RATE,
        )
        .on_conflict_do_nothing()
    )
