"""How an organization charges dues."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from sqlalchemy import CheckConstraint, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import BigInteger

from webapp.core import audit, money, tenancy
from webapp.core.db import Base, HasId, OrganizationRow, db, references_organization
from webapp.core.errors import Invalid
from webapp.domain.organizations import Login


class Cadence(StrEnum):
    """How often regular dues fall due. `custom`: every period is made by hand."""

    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    SEMESTER = "semester"
    ANNUAL = "annual"
    CUSTOM = "custom"


STANDARD_LATE_FEE_AFTER_DAYS = 15


def standard_late_fee(currency: str) -> int:
    """Where neither organization nor schedule says otherwise: 25 whole units, as minor units."""
    return 25 * int(10 ** money.precision(currency))


class LateFeeKind(StrEnum):
    NONE = "none"
    FLAT = "flat"
    PERCENT = "percent"


class DuesSettings(OrganizationRow, Base):
    """One row per organization. Amounts in minor units; days are counted from a period's first or due day.

    `reminder_days` are offsets from the due date: -7 is a week before, 0 the day itself, 14 two weeks after.
    Invoices due before `late_fees_since` cost no late fee; where `late_fee_goes_with_waiver`, a fee is waived
    when all the rest of its invoice is. Who owes something that was due more than `standing_after_days` days
    ago is not in good standing.
    Severely delinquent is who owes more than `severe_above` for over 90 days.
    A payment plan defaults when an installment is unpaid for more than `plan_tolerance_days`.
    A chapter's health raises a notice below `health_below` points, and when it has fallen by more than
    `health_fall` points within 30 days; None raises none.
    """

    __tablename__ = "dues_settings"

    cadence: Mapped[Cadence] = mapped_column(default=Cadence.SEMESTER)
    default_amount: Mapped[int] = mapped_column(default=0)
    due_after_days: Mapped[int] = mapped_column(default=30)
    grace_days: Mapped[int] = mapped_column(default=0)
    late_fee_kind: Mapped[LateFeeKind | None]
    late_fee_amount: Mapped[int | None]
    late_fee_percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 3))
    late_fee_maximum: Mapped[int | None]
    late_fee_after_days: Mapped[int | None]
    late_fees_since: Mapped[date | None]
    late_fee_goes_with_waiver: Mapped[bool] = mapped_column(default=False, server_default="false")
    autopay: Mapped[bool] = mapped_column(default=False)
    refund_cap: Mapped[int] = mapped_column(default=5000)
    returned_debit_fee: Mapped[int] = mapped_column(default=0, server_default="0")
    reminder_days: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=lambda: [-7, 0, 7, 21])
    card_retry_days: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=lambda: [3, 5, 7])
    prorate_late_joiners: Mapped[bool] = mapped_column(default=False)
    severe_above: Mapped[int] = mapped_column(default=0, server_default="0")
    standing_after_days: Mapped[int] = mapped_column(default=30, server_default="30")
    standing_with_kept_plan: Mapped[bool] = mapped_column(default=False, server_default="false")
    plan_tolerance_days: Mapped[int] = mapped_column(default=10, server_default="10")
    health_below: Mapped[int | None] = mapped_column(default=50, server_default="50")
    health_fall: Mapped[int | None] = mapped_column(default=15, server_default="15")
    set_by_id: Mapped[UUID | None]

    __table_args__ = (
        references_organization(),
        UniqueConstraint("organization_id"),
        CheckConstraint("default_amount >= 0 AND refund_cap >= 0", "amounts_are_not_negative"),
        CheckConstraint("returned_debit_fee >= 0", "returned_debit_fee_is_not_negative"),
        CheckConstraint("severe_above >= 0", "severe_amount_is_not_negative"),
        CheckConstraint("due_after_days >= 0 AND grace_days >= 0", "days_are_not_negative"),
        CheckConstraint("standing_after_days >= 0", "standing_days_are_not_negative"),
        CheckConstraint(
            "health_below BETWEEN 1 AND 100 AND health_fall BETWEEN 1 AND 100", "health_limits_are_points"
        ),
    )

    @classmethod
    def of(cls, organization: HasId) -> Self:
        found = cls.in_(organization).first()
        assert found is not None, "Every organization is founded with dues settings"
        return found

    def change(self, *, by: Login | None, **values: Any) -> None:
        """Set what is given and note what it was before. Invoices that are out keep what they say."""
        _refuse_impossible(values)
        before = {name: getattr(self, name) for name in values}
        changed = [name for name, value in values.items() if before[name] != value]
        if not changed:
            return
        for name in changed:
            setattr(self, name, values[name])
        self.set_by_id = by.id if by else None
        audit.record(
            "changed",
            self,
            by=by,
            before={name: plainly(before[name]) for name in changed},
            after={name: plainly(values[name]) for name in changed},
        )


def open_standard() -> None:
    """Dues settings for the organization this transaction acts for. Repeating it changes nothing."""
    db.session.execute(
        insert(DuesSettings).values(organization_id=tenancy.organization_id()).on_conflict_do_nothing()
    )


def plainly(value: Any) -> Any:
    """As the audit trail keeps it: numbers, lists and words."""
    return value if value is None or isinstance(value, int | list | bool) else str(value)


_NOT_NEGATIVE = (
    *("default_amount", "refund_cap", "returned_debit_fee", "severe_above"),
    *("late_fee_amount", "late_fee_maximum", "late_fee_percent"),
)


_DAYS = ("due_after_days", "grace_days", "late_fee_after_days", "standing_after_days", "plan_tolerance_days")


def _refuse_impossible(values: dict[str, Any]) -> None:
    problems: dict[str, str] = {}
    for name in _NOT_NEGATIVE:
        if (values.get(name) or 0) < 0:
            problems[name] = "An amount can't be negative."
    for name in _DAYS:
        if not 0 <= (values.get(name) or 0) <= 730:
            problems[name] = "Enter a number of days from 0 to 730."
    for name in ("reminder_days", "card_retry_days"):
        if not _are_days(values.get(name) or []):
            problems[name] = "Enter different whole numbers of days, at most 12 of them."
    problems |= _impossible_points(values)
    if problems:
        raise Invalid(fields=problems)


def _impossible_points(values: dict[str, Any]) -> dict[str, str]:
    given = {name: values.get(name) for name in ("health_below", "health_fall")}
    sentence = "Enter a number of points from 1 to 100, or nothing for no notice."
    return {name: sentence for name, one in given.items() if one is not None and not 1 <= one <= 100}


def _are_days(days: Sequence[int]) -> bool:
    return len(days) == len(set(days)) <= 12 and all(abs(day) <= 365 for day in days)
