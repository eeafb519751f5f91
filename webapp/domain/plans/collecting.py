"""Collecting installments by themselves: promised each night, asked for in a job, an installment once.

What the processor shows is looked at before anybody asks it for money, so that neither a job that dies nor a
restored database collects twice.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, select

from webapp.core import audit, tenancy
from webapp.core.db import db
from webapp.core.jobs import Job, later
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.spreading import fill
from webapp.domain.organizations import Organization
from webapp.domain.payments import charge_seen, saved_charges
from webapp.domain.payments.checkout import UNFINISHED, Checkout, CheckoutState
from webapp.domain.payments.gateway import ProcessorPayment
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.payments.saved_charges import UNANSWERED, Purpose, SavedCharge, Submission, tried_before
from webapp.domain.payments.saved_methods import ProcessorCustomer, SavedMethod
from webapp.domain.plans import autopay, following, hold_ups, retrying
from webapp.domain.plans.autopay import Autopay, AutopayAuthorization
from webapp.domain.plans.following import Step, steps
from webapp.domain.plans.order import invoices_of
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.domain.plans.retrying import Try


@dataclass(frozen=True)
class Promised:
    """How many installments, for the first time and again; and the plans that they are of."""

    counts: Mapping[str, int]
    plan_ids: Set[UUID]


def promise(organization: Organization, on: date) -> Promised:
    """Have collected what is due and what is to be tried again, one installment of each plan.

    What is under way is looked at again.
    """
    found = _due(on)
    tries = tries_of([step.id for step, _ in found])
    retry_days = DuesSettings.of(organization).card_retry_days
    counts, chosen = {"autopay": 0, "card_retries": 0}, set[UUID]()
    for step, authorization_id in found:
        its = [one for one in tries.get(step.id, []) if one.authorization_id == authorization_id]
        day = retrying.next_day(step.due_on, [one.told for one in its], retry_days)
        if step.plan_id in chosen or day is None or day > on:
            continue
        chosen.add(step.plan_id)
        counts["card_retries" if its else "autopay"] += 1
        _collect(step.plan_id, step.id, on)
    under_way = SavedCharge.here().all(SavedCharge.live.is_(True))
    for charge in under_way:
        _collect(charge.plan_id, charge.installment_id, on)
    hold_ups.forget(apart_from=chosen | {charge.plan_id for charge in under_way})
    return Promised(counts, chosen)


def _collect(plan_id: UUID, installment_id: UUID, on: date) -> None:
    day = on.isoformat()
    later(
        Job.COLLECT_INSTALLMENT,
        once=f"{installment_id}:{day}",
        plan_id=plan_id,
        installment_id=installment_id,
        day=day,
    )


def _due(on: date) -> list[tuple[Step, UUID]]:
    """Of kept plans with autopay in force, in order; each with the word that is in force."""
    kept = steps(PaymentPlan.state == PlanState.ACTIVE).subquery("steps")
    word = autopay.in_force().with_only_columns(AutopayAuthorization.id, AutopayAuthorization.plan_id)
    word_in_force = word.subquery("word")
    found = (
        select(kept, word_in_force.c.id.label("authorization_id"))
        .join(word_in_force, word_in_force.c.plan_id == kept.c.plan_id)
        .where(kept.c.owed > 0, kept.c.due_on <= on)
        .order_by(kept.c.plan_id, kept.c.position)
    )
    return [(Step(*row[:-1]), row[-1]) for row in db.session.execute(found)]


@dataclass(frozen=True)
class Tried:
    """An attempt, on whose word, and what came of it."""

    authorization_id: UUID
    told: Try


def tries_of(installment_ids: Sequence[UUID]) -> dict[UUID, list[Tried]]:
    """In order, for several installments with one statement."""
    of = and_(Payment.organization_id == SavedCharge.organization_id, Payment.id == SavedCharge.payment_id)
    found: dict[UUID, list[Tried]] = {}
    rows = (
        select(
            SavedCharge.installment_id,
            SavedCharge.authorization_id,
            SavedCharge.tried_on,
            Payment.state,
            Payment.failure_code,
            Payment.failure_message,
        )
        .join(Payment, of)
        .where(
            SavedCharge.organization_id == tenancy.organization_id(),
            SavedCharge.installment_id.in_(installment_ids),
        )
        .order_by(SavedCharge.attempt)
    )
    for installment_id, authorization_id, tried_on, state, code, reason in db.session.execute(rows):
        told = Try(tried_on, state, code, reason)
        found.setdefault(installment_id, []).append(Tried(authorization_id, told))
    return found


@dataclass(frozen=True)
class Wanted:
    """An installment that may be due on this day."""

    plan_id: UUID
    installment_id: UUID
    on: date


@dataclass(frozen=True)
class Decision:
    """What to do next: close these pages first, or ask this. `again`: then there may be more to do."""

    closing: Sequence[UUID] = ()
    submission: Submission | None = None
    again: bool = False


@dataclass(frozen=True)
class Account:
    """Where to look for what was charged before, since the plan began."""

    processor: PaymentProcessor
    customer_reference: str
    since: datetime


def account_of(wanted: Wanted) -> Account | None:
    """That of what is under way, or else of the method in force."""
    live = SavedCharge.here().first(
        SavedCharge.installment_id == wanted.installment_id, SavedCharge.live.is_(True)
    )
    word = autopay.of(wanted.plan_id)
    method = SavedMethod.here().get(live.method_id) if live else word.method if word else None
    plan = PaymentPlan.here().get(wanted.plan_id)
    if method is None or plan.accepted_at is None:
        return None
    customer = ProcessorCustomer.here().get(method.customer_id)
    assert customer.reference is not None, "Whoever saved a method is known there"
    processor = PaymentProcessor.here().get(method.processor_id)
    return Account(processor, customer.reference, plan.accepted_at - saved_charges.LONGEST_AGO)


def prepare(wanted: Wanted, seen: Sequence[ProcessorPayment]) -> Decision:
    """Decide with the plan and its invoices held, so that nobody pays, ends or collects beside it. What is to
    be asked for has its rows when this returns."""
    following.hold(wanted.plan_id)
    plan, word = PaymentPlan.here().get(wanted.plan_id), autopay.of(wanted.plan_id)
    live = SavedCharge.live_of(wanted.installment_id)
    if live is not None:
        return _resume(live, plan, word, seen)
    if missed := _missed(wanted, plan, word, seen):
        return Decision(submission=saved_charges.submission(missed, _description(plan)), again=True)
    step = following.progress_of(plan).step(wanted.installment_id)
    if plan.state is not PlanState.ACTIVE or word is None or not _is_time(step, word, on=wanted.on):
        return Decision()
    return _begin(plan, word, step, on=wanted.on)


def _resume(
    live: SavedCharge, plan: PaymentPlan, word: Autopay | None, seen: Sequence[ProcessorPayment]
) -> Decision:
    """Ask again what was asked, or what became of it; unless nobody has seen it and it is not wanted now."""
    payment = Payment.here().get(live.payment_id)
    unseen = payment.state in UNANSWERED and tried_before(payment.id, seen) is None
    if unseen and not _still_fits(payment, live, plan, word):
        charge_seen.drop(payment.id)
        return Decision(again=True)
    return Decision(submission=saved_charges.submission(live, _description(plan)))


def _still_fits(payment: Payment, live: SavedCharge, plan: PaymentPlan, word: Autopay | None) -> bool:
    left = following.progress_of(plan).step(live.installment_id).owed
    is_same = word is not None and word.authorization.id == live.authorization_id
    return is_same and plan.state is PlanState.ACTIVE and payment.amount <= left


def _is_time(step: Step, word: Autopay, *, on: date) -> bool:
    if not step.owed or step.due_on > on:
        return False
    day = next_day(step, word)
    return day is not None and day <= on


def next_day(step: Step, word: Autopay) -> date | None:
    """When this installment is collected, or collected again; None: no more, as things stand."""
    its = told_of(word, tries_of([step.id]).get(step.id, []))
    return retrying.next_day(step.due_on, its, word.retry_days)


def told_of(word: Autopay, tried: Sequence[Tried]) -> list[Try]:
    """What was tried on this word."""
    return [one.told for one in tried if one.authorization_id == word.authorization.id]


def _begin(plan: PaymentPlan, word: Autopay, step: Step, *, on: date) -> Decision:
    """Nothing while a payment of the plan is under way; pages that are open are closed first."""
    invoices = [invoice for _, invoice in invoices_of(plan)]
    if any(invoice.processing for invoice in invoices):
        return Decision()
    open_pages = Checkout.here().all(
        Checkout.invoice_id.in_([invoice.id for invoice in invoices]), Checkout.state.in_(UNFINISHED)
    )
    if open_pages:
        for page in open_pages:
            page.state = CheckoutState.CLOSING
        return Decision(closing=[page.id for page in open_pages], again=True)
    parts = list(fill(step.owed, invoices))
    if not parts:
        return Decision()
    charge = saved_charges.start(_purpose(word, step.id), word.method, parts, on=on)
    audit.record("installment collected by autopay", plan, by=None, after={"amount": step.owed})
    return Decision(submission=saved_charges.submission(charge, _description(plan)))


def _missed(
    wanted: Wanted, plan: PaymentPlan, word: Autopay | None, seen: Sequence[ProcessorPayment]
) -> SavedCharge | None:
    """A charge for this installment that we gave up before it was made, or forgot in a restore: our rows."""
    for one in seen:
        if one.metadata.get("installment_id") != str(wanted.installment_id):
            continue
        payment_id = UUID(one.metadata["payment_id"])
        payment = Payment.here().first(Payment.id == payment_id)
        if payment is None and word is not None:
            return _adopt(one, payment_id, wanted, plan, word)
        if payment is not None and payment.state is PaymentState.EXPIRED:
            return SavedCharge.here().first(SavedCharge.payment_id == payment_id)
    return None


def _adopt(
    seen: ProcessorPayment, payment_id: UUID, wanted: Wanted, plan: PaymentPlan, word: Autopay
) -> SavedCharge:
    invoices = [invoice for _, invoice in invoices_of(plan)]
    parts = list(fill(seen.amount, invoices))
    rest = seen.amount - sum(part for _, part in parts)
    if rest:
        first, part = parts[0] if parts else (invoices[0], 0)
        parts[:1] = [(first, part + rest)]
    of = _purpose(word, wanted.installment_id)
    charge = saved_charges.start(of, word.method, parts, on=wanted.on, payment_id=payment_id)
    audit.record("charge found again", plan, by=None, after={"payment": str(payment_id)})
    return charge


def _purpose(word: Autopay, installment_id: UUID) -> Purpose:
    return Purpose(word.authorization.plan_id, installment_id, word.authorization.id)


def _description(plan: PaymentPlan) -> str:
    return "Payment plan, " + ", ".join(invoice.number for _, invoice in invoices_of(plan))[:200]
