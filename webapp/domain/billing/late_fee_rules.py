"""What being late costs: by whose rule, on which invoices, and how much."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Numeric,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
)

from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.late_fees import LateFee, LateFeeSource
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.settings import (
    STANDARD_LATE_FEE_AFTER_DAYS,
    DuesSettings,
    LateFeeKind,
    standard_late_fee,
)
from webapp.domain.organizations import Organization


@dataclass(frozen=True)
class Rule:
    """What counts where a schedule has none of its own. Amounts in minor units, days after the due date.

    Invoices due before `since` are spared: whoever turns fees on does not punish what is long past.
    """

    source: LateFeeSource
    kind: LateFeeKind
    amount: int | None
    percent: Decimal | None
    maximum: int | None
    after_days: int
    since: date | None

    @classmethod
    def of(cls, organization: Organization) -> "Rule":
        settings = DuesSettings.of(organization)
        if settings.late_fee_kind is None:
            flat, after = standard_late_fee(organization.currency), STANDARD_LATE_FEE_AFTER_DAYS
            standard = LateFeeSource.STANDARD, LateFeeKind.FLAT, flat, None, None, after
            return cls(*standard, settings.late_fees_since)
        return cls(
            LateFeeSource.ORGANIZATION,
            settings.late_fee_kind,
            settings.late_fee_amount,
            settings.late_fee_percent,
            settings.late_fee_maximum,
            _days(settings.late_fee_after_days),
            settings.late_fees_since,
        )


def due(organization: Organization, on: date) -> Select[Any]:
    """Invoices that cost a fee on that day and have none: columns invoice_id, owed, member_id, chapter_id,
    number, due_on, schedule_id, source, kind, percent, maximum, after_days and the fee's amount.

    None while a payment that takes days is under way: the member has paid as far as anybody knows. None while
    a payment plan is kept.
    """
    rule = Rule.of(organization)
    fee = _Fee(rule)
    charged = exists().where(
        LateFee.organization_id == Invoice.organization_id, LateFee.invoice_id == Invoice.id
    )
    since = [Invoice.due_on >= rule.since] if rule.since else []
    return (
        select(
            Invoice.id.label("invoice_id"),
            Invoice.owed,
            Invoice.member_id,
            Invoice.chapter_id,
            Invoice.number,
            Invoice.due_on,
            fee.schedule_id.label("schedule_id"),
            fee.source.label("source"),
            fee.kind.label("kind"),
            fee.percent.label("percent"),
            fee.maximum.label("maximum"),
            fee.after_days.label("after_days"),
            fee.amount.label("amount"),
        )
        .join(
            AssessmentSchedule,
            and_(
                AssessmentSchedule.organization_id == Invoice.organization_id,
                AssessmentSchedule.id == Invoice.schedule_id,
            ),
        )
        .where(
            Invoice.organization_id == organization.id,
            Invoice.owed > 0,
            Invoice.processing.is_(False),
            Invoice.on_plan.is_(False),
            Invoice.due_on < on,
            Invoice.due_on + fee.after_days < on,
            fee.amount > 0,
            ~charged,
            *since,
        )
    )


class _Fee:
    """An invoice's fee as expressions: the schedule's own rule, or else the one given."""

    def __init__(self, rule: Rule) -> None:
        schedule = AssessmentSchedule
        own = schedule.late_fee_kind.is_not(None)
        self.schedule_id = case((own, schedule.id), else_=null())
        self.source = case((own, LateFeeSource.SCHEDULE.value), else_=rule.source.value)
        self.kind = func.coalesce(schedule.late_fee_kind, rule.kind.value)
        self.percent = case((own, schedule.late_fee_percent), else_=literal(rule.percent, Numeric()))
        self.maximum = case((own, schedule.late_fee_maximum), else_=literal(rule.maximum, BigInteger()))
        days = func.coalesce(schedule.late_fee_after_days, STANDARD_LATE_FEE_AFTER_DAYS)
        self.after_days = cast(case((own, days), else_=rule.after_days), Integer())
        flat = case((own, schedule.late_fee_amount), else_=literal(rule.amount, BigInteger()))
        self.amount = self._amount(flat)

    def _amount(self, flat: ColumnElement[int | None]) -> ColumnElement[int]:
        """A part of what is owed is rounded half up to the minor unit, once; least() passes over NULL."""
        part = func.least(func.round(Invoice.owed * self.percent / 100), self.maximum)
        amount = case(
            (self.kind == LateFeeKind.FLAT.value, flat),
            (self.kind == LateFeeKind.PERCENT.value, part),
            else_=0,
        )
        return cast(func.coalesce(amount, 0), BigInteger())


def _days(days: int | None) -> int:
    return STANDARD_LATE_FEE_AFTER_DAYS if days is None else days
