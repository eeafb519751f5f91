"""Payment plans by hand: what is due when, what of it is paid, and what waiting for it costs."""

import calendar
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from tests.properties.documents import INTEREST, RECEIVABLE, Bill
from tests.properties.going_back import GoingBack

TOLERANCE = timedelta(days=10)


class Due(NamedTuple):
    position: int
    day: date
    amount: int


class StandingRule(NamedTuple):
    """Since when what is owed costs good standing, and whether a kept plan about it saves that."""

    after: timedelta
    with_kept_plan: bool


class Step(NamedTuple):
    """How one installment stands."""

    due: Due
    interest: int
    owed: int


@dataclass(eq=False)
class Plan:
    """`amounts`: what of each bill it is about, the oldest first. Once accepted, `before` is what was settled
    of each by then; `interest` is what each installment cost, and `charged` on which bill.
    """

    person: str
    amounts: dict[Bill, int]
    starts_on: date
    payment_day: int
    parts: int
    down_payment: int
    rate: Fraction | None
    by_member: bool
    replaces: "Plan | None"
    state: str = "proposed"
    plan_id: UUID | None = None
    accepted_on: date | None = None
    ended_on: date | None = None
    before: dict[Bill, int] = field(default_factory=dict)
    dues: list[Due] = field(default_factory=list)
    interest: dict[int, int] = field(default_factory=dict)
    charged: dict[Bill, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.amounts.values())

    @property
    def is_open(self) -> bool:
        return self.state in ("waiting", "proposed")

    @property
    def is_kept(self) -> bool:
        return self.state == "active"

    def holds(self, bill: Bill) -> bool:
        """No other plan may have it. A change of a plan holds nothing before it is accepted."""
        return bill in self.amounts and (self.is_kept or (self.is_open and self.replaces is None))

    def was_kept(self, day: date) -> bool:
        begun = self.accepted_on is not None and self.accepted_on <= day
        return begun and (self.ended_on is None or self.ended_on > day)

    def days(self) -> list[date]:
        """Counted day by day."""
        found: list[date] = []
        day = self.starts_on
        while len(found) < self.parts:
            last = calendar.monthrange(day.year, day.month)[1]
            if day.day == min(self.payment_day, last):
                found.append(day)
            day += timedelta(1)
        return found

    def begin(self, today: date) -> None:
        self.state, self.accepted_on = "active", today
        self.before = {bill: bill.adjusted + bill.paid for bill in self.amounts}
        if self.down_payment:
            self.dues.append(Due(0, today, self.down_payment))
        whole, left = divmod(self.total - self.down_payment, self.parts)
        for place, day in enumerate(self.days()):
            self.dues.append(Due(place + 1, day, whole + (place < left)))

    def steps(self, day: date | None = None) -> list[Step]:
        """Each with what is left of it: as it stands, or stood at the end of a day."""
        left = sum(self._settled(bill, day) for bill in self.before)
        found = []
        for due in self.dues:
            cost = self.interest.get(due.position, 0)
            paid = min(left, due.amount + cost)
            found.append(Step(due, cost, due.amount + cost - paid))
            left -= paid
        return found

    def to_pay(self, today: date) -> int:
        owed = [step for step in self.steps() if step.owed]
        due = sum(step.owed for step in owed if step.due.day <= today)
        return due or (owed[0].owed if owed else 0)

    def is_missed(self, today: date) -> bool:
        return any(step.owed and step.due.day + TOLERANCE < today for step in self.steps())

    def outstanding(self, day: date) -> int:
        return sum(min(step.owed, step.due.amount) for step in self.steps(day))

    def _settled(self, bill: Bill, day: date | None) -> int:
        """Money counts from the day since which it stayed; what was taken off the bill otherwise, on all."""
        most = self.amounts[bill] + self.charged.get(bill, 0)
        if bill.void:
            return most
        paid = bill.paid - bill.refunded if day is None else bill.stayed(day)
        return max(0, min(bill.adjusted + bill.refunded + paid - self.before[bill], most))


class Agreements(GoingBack):
    def __init__(self, today: date, returned_fee: int = 0) -> None:
        super().__init__(today, returned_fee)
        self.bills: dict[str, Bill] = {}
        self.plans: list[Plan] = []
        self.standing_rule = StandingRule(timedelta(30), with_kept_plan=False)

    def charge(self, bill: Bill, day: date, account: str, person: str | None, amount: int) -> None:
        raise NotImplementedError

    def is_under_way(self, bill: Bill) -> bool:
        raise NotImplementedError

    def open_plans(self) -> list[Plan]:
        return [plan for plan in self.plans if plan.is_open]

    def is_on_plan(self, bill: Bill) -> bool:
        return any(plan.is_kept and bill in plan.amounts for plan in self.plans)

    def is_taken(self, bill: Bill, *but: Plan | None) -> bool:
        return any(plan.holds(bill) for plan in self.plans if plan not in but)

    def agree(self, plan: Plan) -> None:
        if plan.replaces is not None:
            self.end_plan(plan.replaces, "superseded")
        plan.begin(self.today)

    def end_plan(self, plan: Plan, state: str) -> None:
        plan.state, plan.ended_on = state, self.today

    def pass_day_of_plans(self) -> None:
        for plan in self._kept():
            if not any(step.owed for step in plan.steps()):
                self.end_plan(plan, "completed")
        for plan in self._kept():
            if plan.rate:
                self._charge_interest(plan, plan.rate)
        for plan in self._kept():
            under_way = any(self.is_under_way(bill) for bill in plan.amounts)
            if plan.is_missed(self.today) and not under_way:
                self.end_plan(plan, "defaulted")

    def _kept(self) -> list[Plan]:
        return [plan for plan in self.plans if plan.is_kept]

    def _charge_interest(self, plan: Plan, rate: Fraction) -> None:
        """Of each day from one installment to the next, on the oldest bill that still owes anything."""
        since = plan.starts_on
        for due in plan.dues:
            if due.position and due.day <= self.today and due.position not in plan.interest:
                days = [since + timedelta(place) for place in range((due.day - since).days)]
                exact = sum(plan.outstanding(day) for day in days) * rate / 100 / 365
                bearer = next((bill for bill in plan.amounts if bill.owed), None)
                cost = int(exact + Fraction(1, 2)) if bearer else 0
                plan.interest[due.position] = cost
                if bearer and cost:
                    self._bear(plan, bearer, cost)
            since = due.day if due.position else since

    def _bear(self, plan: Plan, bill: Bill, cost: int) -> None:
        bill.interest += cost
        self.to_close.append(bill)
        plan.charged[bill] = plan.charged.get(bill, 0) + cost
        self.charge(bill, self.today, RECEIVABLE, bill.person, cost)
        self.charge(bill, self.today, INTEREST, None, -cost)
