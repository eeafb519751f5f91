"""“Why do I owe this?”: what was true when a line was priced, kept in the words of that day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from babel.dates import format_date
from sqlalchemy import select

from webapp.core import money
from webapp.core.db import db, new_id
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.billing.invoice import InvoiceLine
from webapp.domain.billing.rates import DuesRate
from webapp.domain.billing.reasons import PriceReason
from webapp.domain.billing.run import BillingRun
from webapp.domain.billing.schedules import AssessmentSchedule, Basis
from webapp.domain.billing.settings import LateFeeKind
from webapp.domain.organizations import Chapter, Login, MemberStatus, Organization


@dataclass(frozen=True)
class Price:
    """One price of a batch; `number` tells its prices apart."""

    number: int
    status_id: UUID
    rate_id: UUID | None
    unit_amount: int
    prorated_from: date | None


@dataclass(frozen=True)
class LateFeeRule:
    """One rule and amount of a night; `number` tells its rules apart."""

    number: int
    schedule_id: UUID | None
    source: str
    kind: str
    percent: Decimal | None
    maximum: int | None
    after_days: int
    amount: int


def note(run: BillingRun, prices: Sequence[Price]) -> dict[int, UUID]:
    """Keep why each of these prices is what it is. Price number to the reason's id."""
    rates = _rates([price.rate_id for price in prices if price.rate_id])
    statuses = {status.id: status.label for status in MemberStatus.here().all()}
    common = _common_facts(run)
    reasons = {}
    for price in prices:
        facts = common | {"status": statuses[price.status_id]} | _rule(run, price, rates)
        if price.prorated_from:
            facts |= _proration(run, price.prorated_from)
        reasons[price.number] = PriceReason(
            run_id=run.id, rate_id=price.rate_id, unit_amount=price.unit_amount, facts=facts
        )
    db.session.add_all(reasons.values())
    db.session.flush()
    return {number: reason.id for number, reason in reasons.items()}


def note_adjustment(adjustment: Adjustment, *, by: Login | None, on: date) -> UUID:
    """Keep why something more was charged; `by` is whoever let it happen."""
    organization = db.session.get_one(Organization, adjustment.organization_id)
    reason = PriceReason(
        id=new_id(),
        unit_amount=adjustment.amount,
        facts={
            "rule": "adjustment",
            "reason": adjustment.reason,
            "approved_by": by.name if by else None,
            "dated": on.isoformat(),
            "locale": organization.locale,
        },
    )
    db.session.add(reason)
    return reason.id


def note_late_fees(organization: Organization, rules: Sequence[LateFeeRule], *, on: date) -> dict[int, UUID]:
    """Keep why each of these fees is charged. The rule's number to the reason's id."""
    reasons = {}
    named = {rule.schedule_id for rule in rules if rule.schedule_id}
    names = {one.id: one.name for one in AssessmentSchedule.here().all(AssessmentSchedule.id.in_(named))}
    for rule in rules:
        facts = {
            "rule": "late_fee",
            "source": rule.source,
            "schedule": names[rule.schedule_id] if rule.schedule_id else None,
            "percent": f"{rule.percent:f}" if rule.kind == LateFeeKind.PERCENT else None,
            "maximum": rule.maximum,
            "after_days": rule.after_days,
            "dated": on.isoformat(),
            "currency": organization.currency,
            "locale": organization.locale,
        }
        reasons[rule.number] = PriceReason(id=new_id(), unit_amount=rule.amount, facts=facts)
    db.session.add_all(reasons.values())
    db.session.flush()
    return {number: reason.id for number, reason in reasons.items()}


def _rates(rate_ids: Sequence[UUID]) -> dict[UUID, tuple[DuesRate, str | None, str | None]]:
    """Rates with the name of their chapter, and of who set them."""
    found = (
        select(DuesRate, Chapter.name, Login.name)
        .outerjoin(
            Chapter,
            (Chapter.organization_id == DuesRate.organization_id) & (Chapter.id == DuesRate.chapter_id),
        )
        .outerjoin(Login, Login.id == DuesRate.set_by_id)
        .where(DuesRate.organization_id == DuesRate.here().organization_id, DuesRate.id.in_(rate_ids))
    )
    return {rate.id: (rate, chapter, setter) for rate, chapter, setter in db.session.execute(found)}


def _common_facts(run: BillingRun) -> dict[str, Any]:
    schedule = run.schedule
    organization = db.session.get_one(Organization, run.organization_id)
    approver, requester = (
        db.session.get(Login, one) if one else None for one in (schedule.approved_by_id, run.requested_by_id)
    )
    return {
        "schedule": schedule.name,
        "period": run.period.name,
        "period_starts_on": run.period.starts_on.isoformat(),
        "dated": run.dated.isoformat(),
        "currency": organization.currency,
        "locale": organization.locale,
        "approved_by": approver.name if approver else None,
        "approved_on": schedule.approved_at.date().isoformat(),
        "billed_by": requester.name if requester else None,
    }


def _rule(
    run: BillingRun, price: Price, rates: dict[UUID, tuple[DuesRate, str | None, str | None]]
) -> dict[str, Any]:
    if run.schedule.basis is Basis.SHARE:
        return {"rule": "share", "schedule_total": run.schedule.amount}
    if run.schedule.basis is Basis.FLAT:
        return {"rule": "flat"}
    if price.rate_id is None:
        return {"rule": "default"}
    rate, chapter, setter = rates[price.rate_id]
    return {
        "rule": "chapter_rate" if chapter else "status_rate",
        "chapter": chapter,
        "effective_from": rate.effective_from.isoformat() if rate.effective_from else None,
        "effective_to": rate.effective_to.isoformat() if rate.effective_to else None,
        "set_by": setter,
        "set_on": rate.set_at.date().isoformat(),
    }


def _proration(run: BillingRun, joined_on: date) -> dict[str, Any]:
    days = max(0, (run.period.ends_on - joined_on).days + 1)
    return {"joined_on": joined_on.isoformat(), "days": days, "period_days": run.period.days}


def why(line: InvoiceLine) -> list[str]:
    """Sentences that answer it; none for a line that was not priced by a rule. Needs `line.reason`."""
    if line.reason is None:
        return []
    return _Account(line.reason, line).sentences()


class _Account:
    def __init__(self, reason: PriceReason, line: InvoiceLine) -> None:
        self.facts = reason.facts
        self.unit_amount = reason.unit_amount
        self.line = line

    def sentences(self) -> list[str]:
        if self.facts["rule"] == "adjustment":
            by = f" by {self.facts['approved_by']}" if self.facts["approved_by"] else ""
            return [self.facts["reason"], f"Added on {self._day('dated')}{by}."]
        if self.facts["rule"] == "late_fee":
            return [self._late_fee(), self._late_fee_source()]
        told = [self._rule(), self._dates(), self._status(), self._proration(), self._approval()]
        return [sentence for sentence in told if sentence]

    def _rule(self) -> str:
        facts, amount = self.facts, self._money(self.unit_amount)
        match facts["rule"]:
            case "chapter_rate":
                return f"{facts['chapter']} charges {amount} for the status “{facts['status']}”."
            case "status_rate":
                return f"The rate for the status “{facts['status']}” is {amount}."
            case "flat":
                return f"Everyone this was decided for pays {amount}."
            case "share":
                total, share = self._money(facts["schedule_total"]), f"{self.line.share:f}"
                return f"{total} is divided by ownership share; yours is {_without_zeros(share)}."
        return f"There is no rate for the status “{facts['status']}”, so it pays the usual {amount}."

    def _late_fee(self) -> str:
        facts = self.facts
        how_much = self._money(self.unit_amount)
        if facts["percent"]:
            most = f", at most {self._money(facts['maximum'])}" if facts["maximum"] is not None else ""
            how_much = f"{_without_zeros(facts['percent'])}% of what was left to pay{most}"
        days = "1 day" if facts["after_days"] == 1 else f"{facts['after_days']} days"
        return f"An invoice that is unpaid more than {days} after its due date costs {how_much}, once."

    def _late_fee_source(self) -> str:
        match self.facts["source"]:
            case "schedule":
                return f"So “{self.facts['schedule']}” says."
            case "organization":
                return "So the organization has decided."
        return "That is the usual rule where the organization has not decided otherwise."

    def _dates(self) -> str:
        facts = self.facts
        if facts["rule"] not in ("chapter_rate", "status_rate"):
            return ""
        first, last = self._day("effective_from"), self._day("effective_to")
        span = f" from {first}" if first else ""
        span += f" until {last}" if last else ""
        setter = f", set by {facts['set_by']} on {self._day('set_on')}" if facts["set_by"] else ""
        counts = self._day("period_starts_on")
        return f"It applies{span or ' without limit'}{setter}. The period's first day, {counts}, counts."

    def _status(self) -> str:
        by = self.facts.get("billed_by")
        return (
            f"Your status on {self._day('dated')} was “{self.facts['status']}”"
            f"{f', and {by} confirmed the billing of that day' if by else ''}."
        )

    def _proration(self) -> str:
        if "joined_on" not in self.facts:
            return ""
        days, whole = self.facts["days"], self.facts["period_days"]
        return f"You joined on {self._day('joined_on')}, so you pay for {days} of {whole} days."

    def _approval(self) -> str:
        if not self.facts["approved_by"]:
            return ""
        name = self.facts["schedule"]
        return f"“{name}” was approved by {self.facts['approved_by']} on {self._day('approved_on')}."

    def _money(self, amount: int) -> str:
        return money.display(amount, self.facts["currency"], self.facts["locale"])

    def _day(self, name: str) -> str:
        text = self.facts.get(name)
        return format_date(date.fromisoformat(text), "long", locale=self.facts["locale"]) if text else ""


def _without_zeros(number: str) -> str:
    """Behind the point."""
    return number.rstrip("0").rstrip(".") if "." in number else number
