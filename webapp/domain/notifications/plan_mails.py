"""What both sides hear of a payment plan: that it waits for them, that it is agreed, and how it ended."""

from collections.abc import Callable, Iterable
from uuid import UUID

from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.notifications.delivery import MailKind, write_down
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.recipients import Recipient, officers, payer_and_officers
from webapp.domain.notifications.wording import Voice
from webapp.domain.plans import autopay
from webapp.domain.plans.following import progress_of
from webapp.domain.plans.plan import PaymentPlan, PlanState


def announcing(what: str) -> Callable[..., None]:
    """Writes the mails of this turn of a plan down, for whoever has to hear of it."""

    def announce(links: Links, plan_id: UUID) -> None:
        plan = loaded(plan_id)
        told: Iterable[Recipient] = payer_and_officers(plan.member, plan.chapter_id)
        if what == "proposed":
            told = _the_other_side(plan, by_member=plan.by_member)
        elif what == "refused":
            told = _the_other_side(plan, by_member=not plan.by_member)
        for reader, address, member_id in told:
            write_down(
                MailKind.PAYMENT_PLAN,
                address,
                once=f"plan_{what}:{plan.id}:{reader}",
                domain=links.domain,
                member_id=member_id,
                details={"plan_id": str(plan.id), "what": what},
            )

    return announce


def loaded(plan_id: UUID) -> PaymentPlan:
    statement = PaymentPlan.here().select(PaymentPlan.id == plan_id)
    related = (PaymentPlan.member, PaymentPlan.chapter)
    return db.session.scalars(statement.options(*(joinedload(one) for one in related))).one()


def _the_other_side(plan: PaymentPlan, *, by_member: bool) -> list[Recipient]:
    if by_member:
        return list(officers(plan.chapter_id))
    return [("member", plan.member.email, plan.member_id)]


def message(voice: Voice, plan: PaymentPlan, what: str, url: str, *, to_member: bool) -> Message | None:
    """None when what it was to say is not true any more."""
    if plan.state not in _WHILE[what]:
        return None
    title, sentences = ABOUT[what](voice, plan)
    greeting = f"Dear {plan.member.first_name}," if to_member else "To the officers of the chapter,"
    whose = "" if to_member else f" It is the plan of {plan.member.name}, {plan.member.number}."
    left = progress_of(plan).owed if plan.is_agreed else plan.total
    amount = ("Left of the plan" if plan.is_agreed else "Together", left)
    return Message(
        subject=title if to_member else f"{title}: {plan.member.name}",
        title=title,
        greeting=greeting,
        paragraphs=[sentences + whose],
        amount=amount,
        rows=[
            (
                f"Down payment and {plan.installments} installments"
                if plan.down_payment
                else f"{plan.installments} installments",
                plan.total,
            )
        ],
        button=("See the plan", url),
        facts=[("The reason", plan.ending)] if plan.ending else [],
    )


Words = tuple[str, str]


def _proposed(voice: Voice, plan: PaymentPlan) -> Words:
    return "A payment plan waits for your answer", (
        f"{plan.member.name if plan.by_member else voice.name} proposes to pay"
        f" {voice.money(plan.total)} in parts. Look at the schedule, then accept it or say why not."
    )


def _accepted(voice: Voice, plan: PaymentPlan) -> Words:
    return "The payment plan is agreed", (
        f"{voice.money(plan.total)} is paid in parts from now on. While every part is paid on its day, there"
        f" is no other reminder and no late fee. {how_it_is_paid(plan)}"
    )


def how_it_is_paid(plan: PaymentPlan) -> str:
    """By itself, or by the member's own hand."""
    word = autopay.of(plan.id)
    if word is None:
        return "Nothing is taken by itself: a reminder comes before each day."
    return f"Each part is collected from {word.method.label} on its day; a mail comes before."


def _refused(voice: Voice, plan: PaymentPlan) -> Words:
    return "The payment plan was not accepted", (
        f"The proposal to pay {voice.money(plan.total)} in parts was refused."
        " The invoices are due as they say."
    )


def _completed(voice: Voice, plan: PaymentPlan) -> Words:
    return "The payment plan is paid off", (
        f"All of {voice.money(plan.total)} is settled. Thank you: nothing of this plan is left."
    )


def _defaulted(voice: Voice, plan: PaymentPlan) -> Words:
    return "The payment plan was not kept", (
        "An installment stayed unpaid for too long, so the plan has ended. What is left is due as the"
        " invoices say, and late fees are charged from now on. A new plan can be agreed."
    )


def _cancelled(voice: Voice, plan: PaymentPlan) -> Words:
    return "The payment plan was cancelled", "What is left of it is due as the invoices say."


ABOUT: dict[str, Callable[[Voice, PaymentPlan], Words]] = {
    "proposed": _proposed,
    "accepted": _accepted,
    "refused": _refused,
    "completed": _completed,
    "defaulted": _defaulted,
    "cancelled": _cancelled,
}
WITH_LETTER = ("proposed", "accepted")
_WHILE = {
    "proposed": {PlanState.PROPOSED},
    "accepted": {PlanState.ACTIVE},
    "refused": {PlanState.REFUSED},
    "completed": {PlanState.COMPLETED},
    "defaulted": {PlanState.DEFAULTED},
    "cancelled": {PlanState.CANCELLED},
}
