"""Proposing a payment plan: by the member or by an officer; the other side answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import joinedload

from webapp.core import audit, tenancy
from webapp.core.db import db, new_id
from webapp.core.errors import Conflict, Invalid, NotAllowed
from webapp.core.jobs import Job, later
from webapp.domain import approvals
from webapp.domain.approvals import Action, Limit
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login, Member, tokens
from webapp.domain.plans.order import order_of
from webapp.domain.plans.plan import OPEN, PaymentPlan, PlanInvoice, PlanState, facts
from webapp.domain.plans.terms import Part, Terms, refuse_impossible, schedule

MOST_INVOICES = 50


@dataclass(frozen=True)
class Wish:
    """What somebody proposes. `replaces` is the plan whose place it takes."""

    invoice_ids: Collection[UUID]
    terms: Terms
    note: str = ""
    replaces: PaymentPlan | None = None


@dataclass(frozen=True)
class Preview:
    """What a plan would come to, in minor units."""

    invoices: Sequence[Invoice]
    total: int
    parts: Sequence[Part]

    @property
    def interest(self) -> int:
        return sum(part.interest for part in self.parts)


def plannable(member: Member, *, replaces: PaymentPlan | None = None) -> Sequence[Invoice]:
    """Invoices that can be in a new plan, oldest first: owed in the member's own chapter, no payment under
    way, and in no other plan that is open or kept."""
    elsewhere = exists().where(
        PlanInvoice.organization_id == Invoice.organization_id,
        PlanInvoice.invoice_id == Invoice.id,
        PlanInvoice.living,
        PlanInvoice.plan_id != (replaces.id if replaces else None),
    )
    found = Invoice.here().select(
        Invoice.member_id == member.id,
        Invoice.chapter_id == member.chapter_id,
        Invoice.owed > 0,
        Invoice.processing.is_(False),
        ~elsewhere,
    )
    ordered = found.options(joinedload(Invoice.period)).order_by(Invoice.due_on, Invoice.id)
    return db.session.scalars(ordered.limit(MOST_INVOICES)).all()


def preview(member: Member, wish: Wish, *, on: date) -> Preview:
    """Invalid, as proposing it would say, when it can't be."""
    return _weighed(wish, plannable(member, replaces=wish.replaces), on=on)


def propose(member: Member, wish: Wish, *, as_member: bool, by: Login, on: date) -> PaymentPlan:
    """Its state tells whether it waits for approval or for the other side's answer."""
    if not as_member:
        _refuse_own_account(member, by)
        _refuse_who_cant_answer(member)
    if wish.replaces is not None:
        wish.replaces.refuse_unless(PlanState.ACTIVE)
        _refuse_second_change(wish.replaces)
    _hold(wish.invoice_ids)
    weighed = _weighed(wish, plannable(member, replaces=wish.replaces), on=on)
    alone = as_member or may_alone(by, weighed.total, lock=True)
    plan = _written(member, wish, weighed, by=by, as_member=as_member)
    audit.record("plan proposed", plan, by=by, after=facts(plan))
    if alone:
        tell("plan_proposed", plan)
    else:
        ask(plan, by=by)
    return plan


def may_alone(by: Login, total: int, *, lock: bool = False) -> bool:
    """A plan moves no money, and the other side is a second person: officers agree alone unless the
    organization has set a limit."""
    return approvals.covers(cap_of(by, lock=lock), total)


def cap_of(by: Login, *, lock: bool = False) -> Limit:
    return approvals.limit_of(by, Action.PAYMENT_PLAN, usual=None, lock=lock)


def ask(plan: PaymentPlan, *, by: Login) -> None:
    """What this officer says to the plan counts once a second person has approved it."""
    plan.move(PlanState.WAITING, by=by)
    db.session.flush()
    approvals.ask(
        Action.PAYMENT_PLAN,
        plan,
        order=order_of(plan),
        amount=plan.total,
        currency=plan.currency,
        member_id=plan.member_id,
        chapter_id=plan.chapter_id,
        reason=plan.note or "A payment plan",
        cap=cap_of(by, lock=True),
        by=by,
    )


def tell(what: str, plan: PaymentPlan) -> None:
    """Once for each turn that a plan takes."""
    later(Job.ANNOUNCE, once=f"{what}:{plan.id}", what=what, plan_id=plan.id)


def refuse_own_account(plan: PaymentPlan, by: Login) -> None:
    _refuse_own_account(Member.here().get(plan.member_id), by)


def _refuse_own_account(member: Member, by: Login) -> None:
    if member.login_id is not None and member.login_id == tokens.behind(by).person_id:
        raise NotAllowed(
            "This is about your own account. Somebody else has to speak for the organization.",
            next_step="Ask another officer, or propose the plan on your own pages.",
        )


def _refuse_who_cant_answer(member: Member) -> None:
    if member.login_id is None:
        raise Conflict(
            f"{member.name} can't sign in, so can't accept a plan.",
            next_step="Invite them on the People page first. They sign in with a link they get by mail.",
        )


def _refuse_second_change(plan: PaymentPlan) -> None:
    if PaymentPlan.here().first(PaymentPlan.replaces_id == plan.id, PaymentPlan.state.in_(OPEN)):
        raise Conflict(
            "A change of this plan has been proposed already.", next_step="Answer it, or withdraw it, first."
        )


def _hold(invoice_ids: Collection[UUID]) -> None:
    """Nothing is paid on them, and no other plan takes them, until this transaction ends."""
    held = Invoice.here().select(Invoice.id.in_(invoice_ids)).order_by(Invoice.id).with_for_update()
    db.session.scalars(held.execution_options(populate_existing=True)).all()


def _weighed(wish: Wish, offered: Sequence[Invoice], *, on: date) -> Preview:
    chosen = [invoice for invoice in offered if invoice.id in set(wish.invoice_ids)]
    if not chosen or len(chosen) < len(set(wish.invoice_ids)):
        problem = "Choose at least one invoice." if not wish.invoice_ids else _NOT_PLANNABLE
        raise Invalid(fields={"invoice_ids": problem})
    total = sum(invoice.owed for invoice in chosen)
    refuse_impossible(total, wish.terms, on=on)
    return Preview(chosen, total, schedule(total, wish.terms))


_NOT_PLANNABLE = "One of these is paid, is under way, or is in another plan by now. Choose again."


def _written(member: Member, wish: Wish, weighed: Preview, *, by: Login, as_member: bool) -> PaymentPlan:
    plan = PaymentPlan(
        id=new_id(),
        member_id=member.id,
        chapter_id=member.chapter_id,
        replaces_id=wish.replaces.id if wish.replaces else None,
        state=PlanState.PROPOSED,
        currency=weighed.invoices[0].currency,
        total=weighed.total,
        down_payment=wish.terms.down_payment,
        installments=wish.terms.count(weighed.total),
        starts_on=wish.terms.starts_on,
        payment_day=wish.terms.payment_day,
        interest_rate=wish.terms.interest_rate,
        note=wish.note.strip(),
        by_member=as_member,
        proposed_by_id=tokens.behind(by).person_id,
    )
    db.session.add(plan)
    db.session.flush()
    rows = [
        {"id": new_id(), "plan_id": plan.id, "invoice_id": invoice.id, "amount": invoice.owed}
        for invoice in weighed.invoices
    ]
    here = {"organization_id": tenancy.organization_id(), "living": wish.replaces is None}
    db.session.execute(insert(PlanInvoice), [row | here for row in rows])
    return plan


def free_invoices(plan_ids: Collection[UUID]) -> None:
    """These plans have ended: their invoices are collected as any other, and may be in another plan.

    Not those of a change that nobody accepted: the plan it was to replace is still kept.
    """
    here = tenancy.organization_id()
    mine = PlanInvoice.organization_id == here, PlanInvoice.plan_id.in_(plan_ids), PlanInvoice.living
    kept = Invoice.on_plan.is_(True), Invoice.id.in_(select(PlanInvoice.invoice_id).where(*mine))
    db.session.execute(update(Invoice).where(Invoice.organization_id == here, *kept).values(on_plan=False))
    db.session.execute(update(PlanInvoice).where(*mine).values(living=False))
