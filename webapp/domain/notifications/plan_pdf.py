"""A payment plan as a letter: its terms and its schedule."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from webapp.domain.notifications.letter import Letter, address_lines, letterhead
from webapp.domain.notifications.plan_mails import how_it_is_paid
from webapp.domain.organizations import Organization
from webapp.domain.plans.following import progress_of
from webapp.domain.plans.order import invoices_of
from webapp.domain.plans.plan import PaymentPlan
from webapp.domain.plans.terms import schedule


@dataclass(frozen=True)
class LetterPart:
    """`interest` is what is foreseen if every part is paid on its day. A day is missing until the plan is
    agreed."""

    name: str
    due_on: date | None
    amount: int
    interest: int


@dataclass(frozen=True, kw_only=True)
class PlanLetter(Letter):
    """The plan comes with its member and chapter. Amounts in minor units of `currency`."""

    kind: ClassVar[str] = "payment-plan"
    template: ClassVar[str] = "pdf/payment_plan.html"
    design: ClassVar[int] = 2

    plan_id: UUID
    total: int
    rate: str | None
    parts: tuple[LetterPart, ...]
    invoices: tuple[tuple[str, int], ...]
    agreed: bool
    how_paid: str


def letter_of(plan: PaymentPlan, organization: Organization, *, test_mode: bool = False) -> PlanLetter:
    """The letter as of now."""
    words = organization.vocabulary
    days = {step.position: step.due_on for step in progress_of(plan).steps} if plan.is_agreed else {}
    foreseen = schedule(plan.total, plan.terms)
    return PlanLetter(
        **letterhead(organization, test_mode=test_mode),
        plan_id=plan.id,
        number=plan.member.number,
        recipient=(plan.member.name, *address_lines(plan.member.address)),
        particulars=((f"{words.member} no.", plan.member.number), (words.chapter, plan.chapter.name)),
        issued_on=plan.accepted_on or plan.starts_on,
        total=plan.total,
        rate=plan.rate,
        parts=tuple(
            LetterPart(
                f"Installment {part.position}" if part.position else "Down payment",
                days.get(part.position, part.due_on),
                part.amount,
                part.interest,
            )
            for part in foreseen
        ),
        invoices=tuple((invoice.number, one.amount) for one, invoice in invoices_of(plan)),
        agreed=plan.is_agreed,
        how_paid=how_it_is_paid(plan),
    )
