"""Reminders of a plan's installments: before, on and after each day, each at most once, none after payment.

Where autopay is on they say when and from what it is collected, and on the day itself they leave the word to
the receipt, or to the mail that says why it could not be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Integer, and_, column, func, select, values
from sqlalchemy.dialects.postgresql import distinct_on

from webapp.core.db import db
from webapp.domain.notifications.delivery import MailKind, write_down
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.wording import Voice, dear
from webapp.domain.organizations import Member, Organization
from webapp.domain.plans import autopay, collecting
from webapp.domain.plans.following import Step, progress_of, steps
from webapp.domain.plans.order import invoices_of
from webapp.domain.plans.plan import PaymentPlan, PlanState

DAYS = (-3, 0, 3)
_CATCH_UP = timedelta(days=3)
"""After missed nights only the latest goes out, and none that is more than a few days late."""


@dataclass(frozen=True)
class _Due:
    plan_id: UUID
    installment_id: UUID
    offset: int
    member_id: UUID
    email: str | None


@dataclass(frozen=True)
class Collected:
    """On which day something is collected by itself, and from what."""

    on: date
    label: str


def promise(organization: Organization, on: date, links: Links) -> int:
    """Write down and promise what is due. How many reminders; the same day again adds none."""
    due = _due(organization, on)
    for one in due:
        write_down(
            MailKind.INSTALLMENT,
            one.email,
            once=f"installment:{one.installment_id}:{one.offset}",
            domain=links.domain,
            member_id=one.member_id,
            details={"plan_id": str(one.plan_id), "installment_id": str(one.installment_id)},
        )
    return len(due)


def why_not(plan: PaymentPlan, member: Member, installment_id: UUID, *, on: date) -> str | None:
    """What keeps a reminder back at the last moment, or None when it may go."""
    if plan.state is not PlanState.ACTIVE:
        return "The plan has ended."
    step = progress_of(plan).step(installment_id)
    if not step.owed:
        return "The installment is paid."
    if any(invoice.processing for _, invoice in invoices_of(plan)):
        return "A payment of it is under way."
    if step.due_on == on and _collected(step, on=on):
        return "It is collected today."
    if member.reminders_paused_until is not None and member.reminders_paused_until >= on:
        return "Reminders to this member are paused."
    return None


def reminder(voice: Voice, plan: PaymentPlan, installment_id: UUID, url: str, *, on: date) -> Message:
    step = progress_of(plan).step(installment_id)
    owed, when = voice.money(step.owed), _when(step, on)
    if collected := _collected(step, on=on):
        return _announcement(voice, plan, step, collected, url)
    return Message(
        subject=f"Installment of {owed} {when}",
        title=f"{owed} of your payment plan {when}",
        greeting=dear(plan.member),
        paragraphs=[
            f"This is for your payment plan with {voice.name}. Nothing is taken by itself: you pay it."
        ],
        amount=(f"Due {voice.day(step.due_on)}", step.owed),
        button=("See the plan and pay", url),
        afterwards=[
            "Paid in the last few days? Then thank you, and nothing is left to do.",
            "If you can't pay this now, answer this mail before the plan ends: it can be changed.",
        ],
    )


def _announcement(voice: Voice, plan: PaymentPlan, step: Step, collected: Collected, url: str) -> Message:
    owed, day = voice.money(step.owed), voice.day(collected.on)
    late = step.due_on < collected.on
    return Message(
        subject=f"{owed} is collected on {day}",
        title=f"{owed} of your payment plan will be collected from {collected.label} on {day}",
        greeting=dear(plan.member),
        paragraphs=[
            f"This is for your payment plan with {voice.name}."
            + (" It could not be collected when it was due, and is tried again then." if late else "")
            + " There is nothing to do."
        ],
        amount=(f"Due {voice.day(step.due_on)}", step.owed),
        button=("See the plan", url),
        afterwards=[
            "You can pay it yourself before, or turn autopay off, on the plan’s page.",
            "If you can't pay this now, answer this mail before that day: the plan can be changed.",
        ],
    )


def _collected(step: Step, *, on: date) -> Collected | None:
    word = autopay.of(step.plan_id)
    day = collecting.next_day(step, word) if word else None
    return Collected(max(day, on), word.method.label) if word and day else None


def _when(step: Step, on: date) -> str:
    days = (step.due_on - on).days
    if days == 0:
        return "is due today"
    words = f"{abs(days)} day" if abs(days) == 1 else f"{abs(days)} days"
    return f"is due in {words}" if days > 0 else f"was due {words} ago"


def _due(organization: Organization, on: date) -> Sequence[_Due]:
    kept = steps(PaymentPlan.state == PlanState.ACTIVE).subquery("steps")
    offsets = values(column("days", Integer), name="offsets").data([(days,) for days in DAYS])
    day = kept.c.due_on + offsets.c.days
    plan = and_(PaymentPlan.organization_id == organization.id, PaymentPlan.id == kept.c.plan_id)
    member = and_(Member.organization_id == organization.id, Member.id == PaymentPlan.member_id)
    found = (
        select(kept.c.plan_id, kept.c.id, offsets.c.days, Member.id, Member.email)
        .select_from(kept)
        .join(PaymentPlan, plan)
        .join(offsets, and_(day <= on, day > on - _CATCH_UP, day > PaymentPlan.accepted_on))
        .join(Member, member)
        .where(
            kept.c.owed > 0,
            func.coalesce(Member.email, "") != "",
            func.coalesce(Member.reminders_paused_until, on - timedelta(days=1)) < on,
        )
        .ext(distinct_on(kept.c.id))
        .order_by(kept.c.id, offsets.c.days.desc())
    )
    return [_Due(*row) for row in db.session.execute(found)]
