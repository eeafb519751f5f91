"""Reminders of a plan's installments: before, on and after each day, each at most once, none after payment.

Nothing is collected by itself yet: where a payment method is saved one day, charging it takes this place.
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
from webapp.domain.plans.following import Step, progress_of, steps
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
    if not any(step.id == installment_id and step.owed for step in progress_of(plan).steps):
        return "The installment is paid."
    if member.reminders_paused_until is not None and member.reminders_paused_until >= on:
        return "Reminders to this member are paused."
    return None


def reminder(voice: Voice, plan: PaymentPlan, installment_id: UUID, url: str, *, on: date) -> Message:
    step = next(step for step in progress_of(plan).steps if step.id == installment_id)
    owed, when = voice.money(step.owed), _when(step, on)
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
