"""What autopay does next for a plan, and what came of it last: for the pages of those it concerns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.saved_charges import SavedCharge
from webapp.domain.payments.saved_methods import MethodState, SavedMethod
from webapp.domain.plans import autopay, collecting, following, hold_ups, retrying
from webapp.domain.plans.autopay import Autopay, AutopayAuthorization
from webapp.domain.plans.following import Progress, Step
from webapp.domain.plans.hold_ups import HoldUp
from webapp.domain.plans.plan import LIVING, PaymentPlan, PlanState
from webapp.domain.plans.retrying import Try

_MOST = 10


@dataclass(frozen=True)
class Outlook:
    """For the installment that is next. `on` is the day it is collected, or tried again; None: not by itself,
    as things stand. `declined` is its last try, if the bank said no to it."""

    method: SavedMethod
    on: date | None
    declined: Try | None
    held_up: HoldUp | None


@dataclass(frozen=True)
class Current:
    """A plan as its member sees it. No `outlook` without autopay, or when nothing is left to collect."""

    plan: PaymentPlan
    progress: Progress
    outlook: Outlook | None


def of(word: Autopay, step: Step) -> Outlook:
    return _seen(word, step, collecting.told_of(word, collecting.tries_of([step.id]).get(step.id, [])))


def current_of(member_id: UUID) -> list[Current]:
    """A member's plans that are open, kept or not kept, newest first; with two statements."""
    rows = db.session.execute(_with_tries(member_id)).all()
    progress = following.progress_of_each([row[0] for row in rows])
    by_plan = groupby(rows, key=lambda row: row[0].id)
    return list(_told(progress, [list(group) for _, group in by_plan]))


def _told(progress: dict[UUID, Progress], plans: Sequence[Sequence[Any]]) -> Iterator[Current]:
    for rows in plans:
        plan, said, method, days, connected, *_ = rows[0]
        its = progress.get(plan.id, Progress([]))
        step = its.next if plan.state is PlanState.ACTIVE else None
        word = Autopay(said, method, days, connected) if method is not None else None
        tries = [_try(row) for row in rows if step and row.installment_id == step.id]
        yield Current(plan, its, _seen(word, step, tries) if step and word else None)


def _try(row: Any) -> Try:
    return Try(row.tried_on, row.state, row.failure_code, row.failure_message)


def _with_tries(member_id: UUID) -> Select[Any]:
    """Plans with the word that was given, its method, and what was tried on it: a row for each try."""
    shown = (*LIVING, PlanState.DEFAULTED)
    latest = PaymentPlan.here().select(PaymentPlan.member_id == member_id, PaymentPlan.state.in_(shown))
    ids = latest.with_only_columns(PaymentPlan.id).order_by(PaymentPlan.id.desc()).limit(_MOST)
    here, word, charge = PaymentPlan.organization_id, AutopayAuthorization, SavedCharge
    given = and_(word.organization_id == here, word.plan_id == PaymentPlan.id, word.ended_at.is_(None))
    saved = SavedMethod.state == MethodState.SAVED
    method = and_(SavedMethod.organization_id == here, SavedMethod.id == word.method_id, saved)
    of_word = and_(charge.organization_id == here, charge.authorization_id == word.id)
    its = and_(Payment.organization_id == here, Payment.id == charge.payment_id)
    return (
        select(PaymentPlan, word, SavedMethod, autopay.retry_days(), autopay.connected())
        .add_columns(charge.installment_id, charge.tried_on, Payment.state)
        .add_columns(Payment.failure_code, Payment.failure_message)
        .outerjoin(word, given)
        .outerjoin(SavedMethod, method)
        .outerjoin(charge, of_word)
        .outerjoin(Payment, its)
        .where(here == tenancy.organization_id(), PaymentPlan.id.in_(ids))
        .order_by(PaymentPlan.id.desc(), charge.attempt)
    )


def _seen(word: Autopay, step: Step, its: Sequence[Try]) -> Outlook:
    day = retrying.next_day(step.due_on, its, word.retry_days) if word.connected else None
    last = its[-1] if its else None
    return Outlook(word.method, day, last if last and last.has_failed else None, hold_ups.of(word))
