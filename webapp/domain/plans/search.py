"""Finding payment plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.organizations import Member
from webapp.domain.plans import hold_ups
from webapp.domain.plans.following import steps
from webapp.domain.plans.plan import PaymentPlan, PlanState


@dataclass(frozen=True)
class WantedPlans:
    """`text` is part of a name, or a member's number. `late_on`: only those late with an installment then.
    `asked`: only those that members asked for and nobody has answered. `held_up`: only those that autopay
    should collect and can't."""

    text: str = ""
    state: PlanState | None = None
    chapter_id: UUID | None = None
    member_id: UUID | None = None
    late_on: date | None = None
    asked: bool = False
    held_up: bool = False


def plans(wanted: WantedPlans) -> Select[Any]:
    """Newest first."""
    found = PaymentPlan.here().select()
    found = found.options(joinedload(PaymentPlan.member), joinedload(PaymentPlan.chapter))
    if wanted.text:
        found = found.join(PaymentPlan.member).where(
            or_(
                Member.last_name.icontains(wanted.text, autoescape=True),
                Member.first_name.icontains(wanted.text, autoescape=True),
                Member.number == wanted.text,
            )
        )
    for column in ("state", "chapter_id", "member_id"):
        value = getattr(wanted, column)
        if value is not None:
            found = found.where(getattr(PaymentPlan, column) == value)
    if wanted.asked:
        found = found.where(PaymentPlan.by_member, PaymentPlan.state == PlanState.PROPOSED)
    if wanted.held_up:
        found = found.where(PaymentPlan.id.in_(hold_ups.held_up()))
    if wanted.late_on is not None:
        kept = steps(PaymentPlan.state == PlanState.ACTIVE).subquery()
        late = select(kept.c.plan_id).where(kept.c.owed > 0, kept.c.due_on < wanted.late_on)
        found = found.where(PaymentPlan.id.in_(late))
    return found.order_by(PaymentPlan.id.desc())


def plans_page(wanted: WantedPlans, *, after: UUID | None, size: int) -> Sequence[PaymentPlan]:
    found = plans(wanted).limit(size)
    if after is not None:
        found = found.where(PaymentPlan.id < after)
    rows: Sequence[PaymentPlan] = db.session.scalars(found).all()
    return rows
