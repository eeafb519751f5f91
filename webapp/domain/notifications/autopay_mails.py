"""What a member hears of autopay: what they agreed to, what could not be collected, and a card that ends."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.notifications import plan_mails
from webapp.domain.notifications.delivery import MailKind, write_down
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.wording import Voice, dear
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.saved_charges import SavedCharge
from webapp.domain.payments.saved_methods import EXPIRES_SOON, SavedMethod
from webapp.domain.plans import autopay, collecting
from webapp.domain.plans.autopay import Autopay, AutopayAuthorization
from webapp.domain.plans.following import Step, progress_of
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.domain.plans.retrying import Advice, Try


def turned_on(links: Links, plan_id: UUID) -> None:
    word = autopay.of(plan_id)
    if word is not None:
        _to_member(links, plan_mails.loaded(plan_id), "on", about=word.authorization.id)


def failed(links: Links, payment_id: UUID) -> None:
    charge = SavedCharge.of(payment_id)
    assert charge is not None, "Only a charge of a saved method fails so"
    _to_member(links, plan_mails.loaded(charge.plan_id), "failed", about=payment_id, payment_id=payment_id)


def remind_of_ends(organization: Organization, on: date, links: Links) -> int:
    """Cards that end before long, where they are what plans are collected from. Once for each end."""
    soon = SavedMethod.good_through >= on, SavedMethod.good_through < on + EXPIRES_SOON
    kept = PaymentPlan.here().select(PaymentPlan.state == PlanState.ACTIVE)
    of_kept = AutopayAuthorization.plan_id.in_(kept.with_only_columns(PaymentPlan.id))
    words = [Autopay(*row) for row in db.session.execute(autopay.in_force(*soon, of_kept))]
    members = {word.method.member_id for word in words}
    addresses = {one.id: one.email for one in Member.here().all(Member.id.in_(members))} if members else {}
    for word in words:
        method = word.method
        write_down(
            MailKind.AUTOPAY,
            addresses[method.member_id],
            once=f"card_ends:{method.id}:{method.good_through}",
            domain=links.domain,
            member_id=method.member_id,
            details={"what": "ends", "plan_id": str(word.authorization.plan_id)},
        )
    return len(words)


def _to_member(
    links: Links, plan: PaymentPlan, what: str, *, about: UUID, payment_id: UUID | None = None
) -> None:
    write_down(
        MailKind.AUTOPAY,
        plan.member.email,
        once=f"autopay_{what}:{about}",
        domain=links.domain,
        member_id=plan.member_id,
        payment_id=payment_id,
        details={"what": what, "plan_id": str(plan.id)},
    )


def agreed(voice: Voice, plan: PaymentPlan, url: str) -> Message | None:
    """None when it was turned off again before this was sent."""
    word = autopay.of(plan.id)
    if word is None:
        return None
    return Message(
        subject="Autopay is on for your payment plan",
        title=f"Your installments are collected from {word.method.label}",
        greeting=dear(plan.member),
        paragraphs=["This is what you agreed to:", f"“{word.authorization.words}”"],
        button=("See the plan", url),
        afterwards=["Was this not you? Turn autopay off on the plan’s page, and tell your treasurer."],
    )


def not_collected(voice: Voice, plan: PaymentPlan, payment_id: UUID, url: str, *, on: date) -> Message | None:
    """None when the installment is paid by now, or the plan has ended."""
    charge, payment = _charge(payment_id)
    step = progress_of(plan).step(charge.installment_id)
    if plan.state is not PlanState.ACTIVE or not step.owed:
        return None
    amount, label = voice.money(payment.amount), charge.method.label
    reason = f" The reason given: {payment.failure_message}" if payment.failure_message else ""
    return Message(
        subject=f"{amount} of your payment plan could not be collected",
        title=f"{amount} could not be collected from {label}",
        greeting=dear(plan.member),
        paragraphs=[f"No money was taken.{reason}", _what_to_do(voice, step, charge, payment, on)],
        amount=("Still to pay", step.owed),
        button=("Pay this installment", url),
        afterwards=["If you can't pay this now, answer this mail before the plan ends: it can be changed."],
    )


def card_ends(voice: Voice, plan: PaymentPlan, url: str, *, on: date) -> Message | None:
    word = autopay.of(plan.id)
    if word is None or word.method.good_through is None or not word.method.expires_soon(on=on):
        return None
    label, end = word.method.label, voice.day(word.method.good_through)
    return Message(
        subject=f"{label} is good until {end}",
        title=f"{label} ends soon",
        greeting=dear(plan.member),
        paragraphs=[
            f"The installments of your payment plan are collected from it, and it is good until {end}."
            " Save the new card, then choose it for the plan’s autopay."
        ],
        button=("Your payment methods", url),
    )


def _what_to_do(voice: Voice, step: Step, charge: SavedCharge, payment: Payment, on: date) -> str:
    advice = Try(charge.tried_on, payment.state, payment.failure_code).advice
    word = autopay.of(charge.plan_id)
    if advice is Advice.ASK_PAYER:
        return (
            "Your bank wants you to confirm this payment yourself, so it is not tried again by itself."
            " Open the plan and pay there: your bank asks you on the way."
        )
    if advice is Advice.OTHER_METHOD or word is None:
        return (
            "It can't be charged any more, so it is not tried again. Pay this installment on the plan’s page,"
            " then save another payment method and turn autopay on with it."
        )
    day = collecting.next_day(step, word)
    if day is None:
        return "It is not tried again by itself. Please pay this installment on the plan’s page."
    return (
        f"It is tried again on {voice.day(max(day, on + timedelta(days=1)))}. You can also pay it yourself"
        " before: then nothing more is collected for it."
    )


def _charge(payment_id: UUID) -> tuple[SavedCharge, Payment]:
    found = SavedCharge.here().select(SavedCharge.payment_id == payment_id)
    charge = db.session.scalars(
        found.options(joinedload(SavedCharge.method), joinedload(SavedCharge.payment))
    ).one()
    return charge, charge.payment
