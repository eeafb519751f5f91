"""What of a plan was outstanding on each day, as far as that is known by now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, union_all

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.organizations import local_day
from webapp.domain.payments.payment import Allocation
from webapp.domain.plans.following import Step, progress_of
from webapp.domain.plans.order import invoices_of
from webapp.domain.plans.plan import PaymentPlan, PlanInterest, PlanInvoice


@dataclass
class _Taken:
    """An invoice of the plan: at most `most` of it counts as settled, `otherwise` on all days, and by money
    what had come in by a day and stayed. `moves`: so much came, or went, on that day."""

    most: int
    otherwise: int
    moves: list[tuple[date, int]] = field(default_factory=list)

    def settled(self, day: date) -> int:
        days = [day, *(moved for moved, _ in self.moves if moved > day)]
        stayed = min(sum(amount for moved, amount in self.moves if moved <= one) for one in days)
        return max(0, min(self.otherwise + stayed, self.most))


def day_balances(plan: PaymentPlan, since: date, until: date) -> int:
    """What was outstanding on each day from `since` to before `until`, added up, without interest.

    Money counts from the day since which it has stayed. What was waived, refunded for good or cancelled
    counts on no day, and what came back to be owed again on all of them: as it stands now.
    """
    steps, taken = progress_of(plan).steps, _taken(plan)
    moved = {day for one in taken for day, _ in one.moves if since < day < until}
    return sum(
        _outstanding(steps, sum(one.settled(begins) for one in taken)) * (ends - begins).days
        for begins, ends in pairwise([since, *sorted(moved), until])
    )


def _outstanding(steps: Sequence[Step], settled: int) -> int:
    """Each installment's interest is paid first."""
    left, total = settled, 0
    for step in steps:
        owed = max(0, step.amount + step.interest - left)
        left = max(0, left - step.amount - step.interest)
        total += min(owed, step.amount)
    return total


def _taken(plan: PaymentPlan) -> list[_Taken]:
    charged = _charged(plan)
    found: dict[UUID, _Taken] = {}
    for one, invoice in invoices_of(plan):
        most = one.amount + charged.get(invoice.id, 0)
        otherwise = invoice.adjusted + invoice.refunded - (one.settled_before or 0)
        found[invoice.id] = _Taken(most, most if invoice.is_void else otherwise)
    for invoice_id, day, amount in _moves(plan):
        found[invoice_id].moves.append((day, amount))
    return list(found.values())


def _charged(plan: PaymentPlan) -> dict[UUID | None, int]:
    """The interest of the plan on each of its invoices."""
    sums = (
        select(PlanInterest.invoice_id, func.sum(PlanInterest.amount))
        .where(PlanInterest.organization_id == plan.organization_id, PlanInterest.plan_id == plan.id)
        .group_by(PlanInterest.invoice_id)
    )
    return {invoice_id: int(amount) for invoice_id, amount in db.session.execute(sums)}


def _moves(plan: PaymentPlan) -> Iterator[tuple[UUID, date, int]]:
    kinds = (
        (Allocation, Allocation.allocated_on, Allocation.allocated_at),
        (CreditApplication, CreditApplication.applied_on, CreditApplication.applied_at),
    )
    rows = union_all(*(_settling(plan, *one) for one in kinds))
    for invoice_id, begins, ends, amount in db.session.execute(rows):
        yield invoice_id, begins, amount
        if ends is not None:
            yield invoice_id, ends, -amount


def _settling(
    plan: PaymentPlan, kind: type[Allocation] | type[CreditApplication], day: Any, moment: Any
) -> Select[Any]:
    """What settles the plan's invoices or did, since which day and until which."""
    its = PlanInvoice.here().select(PlanInvoice.plan_id == plan.id).with_only_columns(PlanInvoice.invoice_id)
    begins, ends = (
        func.coalesce(day, local_day(moment)),
        func.coalesce(kind.undone_on, local_day(kind.undone_at)),
    )
    return select(kind.invoice_id, begins, ends, kind.amount).where(
        kind.organization_id == tenancy.organization_id(), kind.invoice_id.in_(its)
    )
