"""The interest of a plan: charged for each installment when it falls due, on one of the plan's invoices."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from babel.dates import format_date
from sqlalchemy import Select, and_, exists, select
from sqlalchemy.dialects.postgresql import distinct_on

from webapp.core import audit, tenancy
from webapp.core.db import db, new_id
from webapp.domain import ledger
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.ledger import Code, Event, Move, Side
from webapp.domain.organizations import Organization
from webapp.domain.payments.closing_pages import promise_closing
from webapp.domain.plans import terms
from webapp.domain.plans.order import invoices_of
from webapp.domain.plans.outstanding import day_balances
from webapp.domain.plans.plan import Installment, PaymentPlan, PlanInterest, PlanInvoice, PlanState


def charge_interest(organization: Organization, on: date) -> int:
    """Charge every installment that has fallen due and was not charged: line, entry and what is owed.

    How many cost something. A day whose books are closed leaves them to the next one. After missed nights a
    plan's installments come one after the other, for what one costs counts in what the next is charged on.
    """
    if ledger.closed_through(on) is not None:
        return 0
    charged = 0
    while due := db.session.execute(_due(on)).all():
        _hold([installment.plan_id for installment, _ in due])
        charged += sum(_charge(installment, plan, organization, on) for installment, plan in due)
    return charged


def _due(on: date) -> Select[Installment, PaymentPlan]:
    """The first such installment of each kept plan that costs interest."""
    done = exists().where(
        PlanInterest.organization_id == Installment.organization_id,
        PlanInterest.installment_id == Installment.id,
    )
    plan = and_(
        PaymentPlan.organization_id == Installment.organization_id, PaymentPlan.id == Installment.plan_id
    )
    return (
        select(Installment, PaymentPlan)
        .join(PaymentPlan, plan)
        .where(
            Installment.organization_id == tenancy.organization_id(),
            Installment.position > 0,
            Installment.due_on <= on,
            PaymentPlan.state == PlanState.ACTIVE,
            PaymentPlan.interest_rate.is_not(None),
            ~done,
        )
        .ext(distinct_on(Installment.plan_id))
        .order_by(Installment.plan_id, Installment.position)
    )


def _hold(plan_ids: Sequence[UUID]) -> None:
    """Nothing is paid on their invoices while interest is worked out."""
    theirs = PlanInvoice.here().select(PlanInvoice.plan_id.in_(plan_ids))
    held = Invoice.here().select(Invoice.id.in_(theirs.with_only_columns(PlanInvoice.invoice_id)))
    locked = held.order_by(Invoice.id).with_for_update().execution_options(populate_existing=True)
    db.session.scalars(locked).all()


def _charge(installment: Installment, plan: PaymentPlan, organization: Organization, on: date) -> bool:
    """Whether it costs anything: not when nothing was outstanding, or is owed any more."""
    assert plan.interest_rate is not None, "Only plans that cost interest are charged"
    since = _since(installment, plan)
    balances = day_balances(plan, since, installment.due_on)
    bearer = next((invoice for _, invoice in invoices_of(plan) if invoice.owed), None)
    amount = terms.interest(balances, plan.interest_rate) if bearer else 0
    line = None
    if bearer is not None and amount:
        line = _write(bearer, amount, installment, organization, on)
    charge = PlanInterest(
        id=new_id(),
        plan_id=plan.id,
        installment_id=installment.id,
        invoice_id=bearer.id if bearer and line else None,
        line_id=line.id if line else None,
        since=since,
        until=installment.due_on,
        day_balances=balances,
        rate=plan.interest_rate,
        amount=amount,
        charged_on=on,
    )
    db.session.add(charge)
    db.session.flush()
    if amount:
        audit.record("plan interest charged", plan, by=None, after={"amount": amount})
    return bool(amount)


def _since(installment: Installment, plan: PaymentPlan) -> date:
    """Interest runs from the installment before, and at first from the plan's start."""
    if installment.position == 1:
        return plan.starts_on
    before = Installment.here().first(
        Installment.plan_id == plan.id, Installment.position == installment.position - 1
    )
    assert before is not None, "Installments are numbered without gaps"
    return before.due_on


def _write(
    invoice: Invoice, amount: int, installment: Installment, organization: Organization, on: date
) -> InvoiceLine:
    """The line and its entry. Whoever has a page open to pay the invoice is asked for it as well."""
    due = format_date(installment.due_on, "long", locale=organization.locale)
    line = InvoiceLine(
        id=new_id(),
        kind=LineKind.PLAN_INTEREST,
        description=f"Interest, installment of {due}",
        amount=amount,
        income_account_id=ledger.account_ids()[Code.INTEREST_INCOME],
    )
    invoice.add(line, on=on)
    owing = Side(Code.RECEIVABLE, invoice.chapter_id, invoice.member_id)
    ledger.post(
        Event.PLAN_INTEREST,
        source=line,
        moves=[Move(amount, debit=owing, credit=Side(Code.INTEREST_INCOME, invoice.chapter_id))],
        on=on,
        by=None,
        description=f"Plan interest, invoice {invoice.number}",
    )
    promise_closing([invoice.id])
    return line
