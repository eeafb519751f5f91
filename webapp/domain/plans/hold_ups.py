"""What keeps autopay from collecting although the member's word stands and nothing is wrong with the method:
the processor refuses, keeps silent, or is not connected. Somebody of the organization has to look, so it is
kept beside the word until the processor has answered again, or nothing is due any more.
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, update

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.plans import autopay
from webapp.domain.plans.autopay import Autopay, AutopayAuthorization
from webapp.domain.plans.plan import PaymentPlan, PlanState


@dataclass(frozen=True)
class HoldUp:
    """Since when, as far as it is known; why; and what an officer does about it."""

    since: date | None
    reason: str
    next_step: str


def of(word: Autopay) -> HoldUp | None:
    said = word.authorization
    if not word.connected:
        return HoldUp(
            None,
            f"The processor that keeps {word.method.label} is not connected any more.",
            "Connect it again under Payment processors, or ask for another payment method to be saved and"
            " chosen for this plan. Until then the installments are paid by hand.",
        )
    if said.held_up_by is None:
        return None
    return HoldUp(
        said.held_up_since,
        said.held_up_by,
        "It is tried again by itself, at the latest in the next night. Test the connection under Payment"
        " processors, and look at the processor’s own page. Meanwhile it can be paid by hand.",
    )


def note(plan_id: UUID, reason: str, *, on: date) -> None:
    """Asked in vain once more: the first day stays."""
    since = func.coalesce(AutopayAuthorization.held_up_since, on)
    _write({"held_up_since": since, "held_up_by": reason}, AutopayAuthorization.plan_id == plan_id)


def over(plan_id: UUID) -> None:
    """The processor has answered."""
    _clear(AutopayAuthorization.plan_id == plan_id)


def forget(*, apart_from: Set[UUID]) -> None:
    """Nothing is to be collected for the others now, for instance because the members have paid by hand."""
    _clear(not_(AutopayAuthorization.plan_id.in_(apart_from)))


def _clear(which: ColumnElement[bool]) -> None:
    _write({"held_up_since": None, "held_up_by": None}, AutopayAuthorization.held_up_by.is_not(None), which)


def _write(values: dict[str, Any], *which: ColumnElement[bool]) -> None:
    mine = AutopayAuthorization.organization_id == tenancy.organization_id()
    given = update(AutopayAuthorization).where(mine, AutopayAuthorization.ended_at.is_(None), *which)
    db.session.execute(given.values(values))


def held_up(*only: ColumnElement[bool]) -> Select[UUID]:
    """Kept plans whose autopay is held up, by their ids."""
    plan = and_(
        PaymentPlan.organization_id == AutopayAuthorization.organization_id,
        PaymentPlan.id == AutopayAuthorization.plan_id,
    )
    found = autopay.given(or_(AutopayAuthorization.held_up_by.is_not(None), not_(autopay.connected())))
    return (
        found.join(PaymentPlan, plan)
        .where(PaymentPlan.state == PlanState.ACTIVE, *only)
        .with_only_columns(AutopayAuthorization.plan_id)
    )
