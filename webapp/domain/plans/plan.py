"""Unpaid invoices of a member, to be paid in dated parts: what was agreed, by whom, and how it ended."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import audit, clock, money
from webapp.core.db import Base, OrganizationRow, belongs_to, references
from webapp.core.errors import Conflict
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, Login, Member, tokens
from webapp.domain.plans.terms import Terms


class PlanState(StrEnum):
    """`waiting`: an officer's word in it needs approval. `proposed`: the other side has not answered yet."""

    WAITING = "waiting"
    PROPOSED = "proposed"
    ACTIVE = "active"
    COMPLETED = "completed"
    DEFAULTED = "defaulted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    PlanState.WAITING: "Waits for approval",
    PlanState.PROPOSED: "Proposed",
    PlanState.ACTIVE: "Kept",
    PlanState.COMPLETED: "Paid off",
    PlanState.DEFAULTED: "Defaulted",
    PlanState.REFUSED: "Refused",
    PlanState.WITHDRAWN: "Withdrawn",
    PlanState.CANCELLED: "Cancelled",
    PlanState.SUPERSEDED: "Replaced",
}
OPEN = (PlanState.WAITING, PlanState.PROPOSED)
LIVING = (*OPEN, PlanState.ACTIVE)
_AGREED = "state IN ('active', 'completed', 'defaulted', 'cancelled', 'superseded')"
_IS_OPEN = "state IN ('waiting', 'proposed')"


class PaymentPlan(OrganizationRow, Base):
    """`total` of minor units is rescheduled: `down_payment` at once, the rest in `installments` parts.

    `by_member` tells who proposed it; the other side accepts. `ending` is the reason it was refused,
    withdrawn or cancelled. `replaces_id` is the plan that this one takes the place of once it is accepted.
    """

    __tablename__ = "payment_plans"

    member_id: Mapped[UUID]
    chapter_id: Mapped[UUID]
    replaces_id: Mapped[UUID | None]
    state: Mapped[PlanState] = mapped_column(default=PlanState.PROPOSED)
    currency: Mapped[str]
    total: Mapped[int]
    down_payment: Mapped[int] = mapped_column(default=0)
    installments: Mapped[int]
    starts_on: Mapped[date]
    payment_day: Mapped[int]
    interest_rate: Mapped[Decimal | None] = mapped_column(Numeric(6, 3))
    note: Mapped[str] = mapped_column(default="")
    by_member: Mapped[bool]
    proposed_by_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    accepted_on: Mapped[date | None]
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    ended_on: Mapped[date | None]
    ending: Mapped[str | None]

    member: Mapped[Member] = belongs_to("PaymentPlan.member_id", "Member")
    chapter: Mapped[Chapter] = belongs_to("PaymentPlan.chapter_id", "Chapter")
    proposed_by: Mapped[Login] = relationship(foreign_keys=[proposed_by_id], viewonly=True, lazy="raise")
    accepted_by: Mapped[Login | None] = relationship(
        foreign_keys=[accepted_by_id], viewonly=True, lazy="raise"
    )

    __table_args__ = (
        references("members", "member_id"),
        references("chapters", "chapter_id"),
        references("payment_plans", "replaces_id"),
        CheckConstraint("total > 0 AND down_payment >= 0 AND down_payment < total", "parts_of_a_sum"),
        CheckConstraint("installments BETWEEN 1 AND 60", "so_many_installments"),
        CheckConstraint("payment_day BETWEEN 1 AND 31", "a_day_of_the_month"),
        CheckConstraint("interest_rate > 0 AND interest_rate <= 100", "a_yearly_rate"),
        CheckConstraint(
            f"({_AGREED}) = (accepted_at IS NOT NULL) AND ({_AGREED}) = (accepted_on IS NOT NULL)",
            "agreed_when_accepted",
        ),
        CheckConstraint("accepted_by_id <> proposed_by_id", "two_sides"),
        CheckConstraint(f"({_IS_OPEN} OR state = 'active') = (ended_on IS NULL)", "ended_on_a_day"),
        Index(
            "uq_payment_plans_one_successor",
            "organization_id",
            "replaces_id",
            unique=True,
            postgresql_where=f"{_IS_OPEN} AND replaces_id IS NOT NULL",
        ),
        Index("ix_payment_plans_member", "organization_id", "member_id"),
        Index("ix_payment_plans_chapter", "organization_id", "chapter_id", "id"),
        Index("ix_payment_plans_active", "organization_id", postgresql_where="state = 'active'"),
    )

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_living(self) -> bool:
        return self.state in LIVING

    @property
    def is_agreed(self) -> bool:
        return self.accepted_on is not None

    @property
    def terms(self) -> Terms:
        return Terms(
            starts_on=self.starts_on,
            payment_day=self.payment_day,
            installments=self.installments,
            down_payment=self.down_payment,
            interest_rate=self.interest_rate,
        )

    @property
    def rate(self) -> str | None:
        """The interest rate as text, the same whether it was typed just now or read from the database."""
        return money.shortest(self.interest_rate) if self.interest_rate else None

    def accept(self, *, by: Login, on: date) -> None:
        """Both sides have said yes: this login, or the officer whose yes was approved."""
        self.accepted_by_id = self.accepted_by_id or tokens.behind(by).person_id
        self.accepted_at, self.accepted_on = clock.now(), on
        self.move(PlanState.ACTIVE, by=by)

    def end(self, state: PlanState, *, by: Login | None, on: date, reason: str | None = None) -> None:
        """Nothing of it is to come any more."""
        self.ended_on, self.ending = on, reason
        self.move(state, by=by, reason=reason)

    def move(self, state: PlanState, *, by: Login | None, reason: str | None = None) -> None:
        before, self.state = self.state, state
        audit.record(
            f"plan {state.value}",
            self,
            by=by,
            before={"state": before},
            after={"state": state, "total": self.total},
            reason=reason,
        )

    def refuse_unless(self, *states: PlanState) -> None:
        if self.state not in states:
            raise Conflict(f"This payment plan is {self.state.label.lower()} by now.")


class PlanInvoice(OrganizationRow, Base):
    """An invoice in a plan: `amount` of it is rescheduled, in minor units.

    `settled_before` is what adjustments and payments had taken off the invoice when the plan began; what they
    took off since then is paid of the plan. A `living` one is in no other plan that is open or kept.
    """

    __tablename__ = "payment_plan_invoices"

    plan_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount: Mapped[int]
    settled_before: Mapped[int | None]
    living: Mapped[bool]

    plan: Mapped[PaymentPlan] = belongs_to("PlanInvoice.plan_id", "PaymentPlan")
    invoice: Mapped[Invoice] = belongs_to("PlanInvoice.invoice_id", "Invoice")

    __table_args__ = (
        references("payment_plans", "plan_id"),
        references("invoices", "invoice_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        UniqueConstraint("organization_id", "plan_id", "invoice_id"),
        Index(
            "uq_payment_plan_invoices_living",
            "organization_id",
            "invoice_id",
            unique=True,
            postgresql_where="living",
        ),
        Index("ix_payment_plan_invoices_invoice", "organization_id", "invoice_id"),
    )


class Installment(OrganizationRow, Base):
    """One part of an agreed plan, without interest, in minor units. `position` 0 is the down payment."""

    __tablename__ = "payment_plan_installments"

    plan_id: Mapped[UUID]
    position: Mapped[int]
    due_on: Mapped[date]
    amount: Mapped[int]

    plan: Mapped[PaymentPlan] = belongs_to("Installment.plan_id", "PaymentPlan")

    __table_args__ = (
        references("payment_plans", "plan_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        UniqueConstraint("organization_id", "plan_id", "position"),
        Index("ix_payment_plan_installments_due", "organization_id", "due_on"),
    )

    @property
    def once(self) -> str:
        return f"installment:{self.id}"


class PlanInterest(OrganizationRow, Base):
    """What waiting for an installment cost, charged once, on the local day `charged_on`.

    `day_balances` is the sum of what was outstanding on each day from `since` to before `until`, in minor
    units; `amount` follows from it by `terms.interest`. Without an amount there is no invoice and no line.
    """

    __tablename__ = "payment_plan_interest"

    plan_id: Mapped[UUID]
    installment_id: Mapped[UUID]
    invoice_id: Mapped[UUID | None]
    line_id: Mapped[UUID | None]
    since: Mapped[date]
    until: Mapped[date]
    day_balances: Mapped[int]
    rate: Mapped[Decimal] = mapped_column(Numeric(6, 3))
    amount: Mapped[int]
    charged_on: Mapped[date]

    __table_args__ = (
        references("payment_plans", "plan_id"),
        references("payment_plan_installments", "installment_id"),
        references("invoices", "invoice_id"),
        references("invoice_lines", "line_id"),
        CheckConstraint("amount >= 0 AND day_balances >= 0", "sums_are_not_negative"),
        CheckConstraint(
            "(amount > 0) = (line_id IS NOT NULL) AND (amount > 0) = (invoice_id IS NOT NULL)",
            "what_it_charged_is_a_line",
        ),
        UniqueConstraint("organization_id", "installment_id"),
        Index("ix_payment_plan_interest_plan", "organization_id", "plan_id"),
        Index("ix_payment_plan_interest_invoice", "organization_id", "invoice_id"),
    )


def facts(plan: PaymentPlan) -> dict[str, Any]:
    """For the audit trail."""
    return {
        "total": plan.total,
        "down_payment": plan.down_payment,
        "installments": plan.installments,
        "starts_on": str(plan.starts_on),
        "interest_rate": plan.rate,
        "replaces": str(plan.replaces_id) if plan.replaces_id else None,
    }
