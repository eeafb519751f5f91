"""What is paid of each installment: read off the plan's invoices each time, and written down nowhere.

What an invoice's adjustments and payments took off since the plan began is paid of the plan, its installments
in order, in each the interest first. So a payment counts, and so does a waiver; a void invoice counts as paid
in full; money that goes back, by a refund that is owed again or a returned debit, opens the last installment
that it had paid. What was charged on the invoice beside the plan is not part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, Subquery, and_, case, cast, func, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.plans.order import invoices_of
from webapp.domain.plans.plan import Installment, PaymentPlan, PlanInterest, PlanInvoice


@dataclass(frozen=True)
class Step:
    """One installment as it stands. `interest` is what was charged for it so far, `owed` is left of both."""

    id: UUID
    plan_id: UUID
    position: int
    due_on: date
    amount: int
    interest: int
    owed: int

    @property
    def is_paid(self) -> bool:
        return self.owed == 0

    @property
    def paid(self) -> int:
        return self.amount + self.interest - self.owed

    def is_late(self, *, on: date) -> bool:
        return self.owed > 0 and self.due_on < on


@dataclass(frozen=True)
class Progress:
    """A plan's installments, in order."""

    steps: Sequence[Step]

    @property
    def owed(self) -> int:
        return sum(step.owed for step in self.steps)

    @property
    def paid(self) -> int:
        return sum(step.paid for step in self.steps)

    @property
    def next(self) -> Step | None:
        return next((step for step in self.steps if step.owed), None)

    def step(self, installment_id: UUID) -> Step:
        return next(step for step in self.steps if step.id == installment_id)

    def due(self, *, on: date) -> int:
        """What should be paid by that day, the day included, and is not."""
        return sum(step.owed for step in self.steps if step.due_on <= on)

    def to_pay(self, *, on: date) -> int:
        """What a payment now is for: all that is due, or else the next installment."""
        return self.due(on=on) or (self.next.owed if self.next else 0)


def progress_of(plan: PaymentPlan) -> Progress:
    return Progress(steps_of([plan.id]).get(plan.id, []))


def steps_of(plan_ids: Sequence[UUID]) -> dict[UUID, list[Step]]:
    """For several plans with one statement."""
    found: dict[UUID, list[Step]] = {}
    rows = steps(PaymentPlan.id.in_(plan_ids)).subquery()
    for row in db.session.execute(select(rows).order_by(rows.c.plan_id, rows.c.position)).mappings():
        step = Step(**row)
        found.setdefault(step.plan_id, []).append(step)
    return found


def steps(*conditions: ColumnElement[bool]) -> Select[UUID, UUID, int, date, int, int, int]:
    """Every installment of these agreed plans, with the columns of a Step."""
    paid = _settled(*conditions)
    charge = PlanInterest.organization_id == Installment.organization_id
    interest = cast(func.coalesce(PlanInterest.amount, 0), BigInteger())
    whole = cast(Installment.amount + interest, BigInteger())
    so_far = func.sum(whole).over(partition_by=Installment.plan_id, order_by=Installment.position)
    left = func.greatest(so_far - paid.c.settled, 0)
    return (
        select(
            Installment.id,
            Installment.plan_id,
            Installment.position,
            Installment.due_on,
            Installment.amount,
            interest.label("interest"),
            cast(func.least(left, whole), BigInteger()).label("owed"),
        )
        .join(paid, paid.c.plan_id == Installment.plan_id)
        .outerjoin(PlanInterest, and_(charge, PlanInterest.installment_id == Installment.id))
        .where(Installment.organization_id == tenancy.organization_id())
    )


def _settled(*conditions: ColumnElement[bool]) -> Subquery:
    """What the invoices of these plans say is paid of them. Columns plan_id, settled."""
    here = tenancy.organization_id()
    charged = (
        select(func.coalesce(func.sum(PlanInterest.amount), 0))
        .where(
            PlanInterest.organization_id == here,
            PlanInterest.plan_id == PlanInvoice.plan_id,
            PlanInterest.invoice_id == PlanInvoice.invoice_id,
        )
        .scalar_subquery()
    )
    most = PlanInvoice.amount + charged
    since = func.greatest(Invoice.adjusted + Invoice.paid - PlanInvoice.settled_before, 0)
    settled = case((Invoice.status == InvoiceStatus.VOID, most), else_=func.least(since, most))
    invoice = and_(
        PlanInvoice.organization_id == Invoice.organization_id, PlanInvoice.invoice_id == Invoice.id
    )
    plan = and_(
        PlanInvoice.organization_id == PaymentPlan.organization_id, PlanInvoice.plan_id == PaymentPlan.id
    )
    return (
        select(PlanInvoice.plan_id, func.sum(settled).label("settled"))
        .join(Invoice, invoice)
        .join(PaymentPlan, plan)
        .where(PlanInvoice.organization_id == here, *conditions)
        .group_by(PlanInvoice.plan_id)
        .subquery("settled")
    )


def hold(plan_id: UUID) -> None:
    """Neither its state nor what is paid of it changes until this transaction ends."""
    PaymentPlan.here().get(plan_id, lock=True)
    its = PlanInvoice.here().select(PlanInvoice.plan_id == plan_id).with_only_columns(PlanInvoice.invoice_id)
    held = Invoice.here().select(Invoice.id.in_(its)).order_by(Invoice.id).with_for_update()
    db.session.scalars(held.execution_options(populate_existing=True)).all()


def progress_of_each(plans: Sequence[PaymentPlan]) -> dict[UUID, Progress]:
    """Of those that were agreed."""
    found = steps_of([plan.id for plan in plans])
    return {plan_id: Progress(steps) for plan_id, steps in found.items()}


@dataclass(frozen=True)
class NextPayment:
    """What a payment now is for: so much of this invoice, in minor units."""

    invoice_id: UUID
    amount: int


def next_payment(plan: PaymentPlan, *, on: date) -> NextPayment | None:
    """Of what is to pay, as much as the plan's oldest invoice owes; None when nothing is, or is payable."""
    wanted = progress_of(plan).to_pay(on=on) if plan.is_agreed else 0
    payable = [invoice for _, invoice in invoices_of(plan) if invoice.is_payable]
    if not wanted or not payable:
        return None
    return NextPayment(payable[0].id, min(wanted, payable[0].owed))
