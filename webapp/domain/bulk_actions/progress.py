"""How far a bulk action is, and what became of each invoice or member."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.core.jobs import Job, JobState, OutboxJob
from webapp.domain.billing.invoice import Invoice
from webapp.domain.bulk_actions import leaving_out
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkResult, BulkState, Outcome
from webapp.domain.organizations import Member


class ResultRow(NamedTuple):
    id: UUID
    outcome: Outcome
    note: str | None
    done_at: datetime | None
    invoice_id: UUID | None
    number: str | None
    member_id: UUID
    member_number: str
    member: str


def latest(chapter_id: UUID | None, *, after: UUID | None, size: int) -> Sequence[BulkAction]:
    """Those that were confirmed, the latest first; of one chapter, or all."""
    found = BulkAction.here().select(BulkAction.state != BulkState.CHOSEN)
    if chapter_id is not None:
        found = found.where(BulkAction.chapter_id == chapter_id)
    if after is not None:
        found = found.where(BulkAction.id < after)
    found = found.options(joinedload(BulkAction.requested_by)).order_by(BulkAction.id.desc()).limit(size)
    return db.session.scalars(found).all()


def counts(action: BulkAction) -> Mapping[Outcome, int]:
    """How many of the chosen met which outcome."""
    counted = _of(action).with_only_columns(BulkResult.outcome, func.count()).group_by(BulkResult.outcome)
    found = {outcome: count for outcome, count in db.session.execute(counted)}
    return {outcome: found.get(outcome, 0) for outcome in Outcome}


def results(
    action: BulkAction,
    *,
    outcome: Outcome | None = None,
    after: UUID | None = None,
    size: int | None = None,
) -> Sequence[ResultRow]:
    """Row by row, in the order in which their turns come."""
    named = Invoice.id, Invoice.number, Member.id, Member.number, Member.name_column()
    told = BulkResult.id, BulkResult.outcome, BulkResult.note, BulkResult.done_at
    found = leaving_out.rows(action, *told, *named).order_by(BulkResult.id).limit(size)
    if outcome is not None:
        found = found.where(BulkResult.outcome == outcome)
    if after is not None:
        found = found.where(BulkResult.id > after)
    return [ResultRow(*row) for row in db.session.execute(found)]


def invoice_ids(action: BulkAction) -> Select[UUID]:
    return _of(action).with_only_columns(BulkResult.invoice_id)


def is_stuck(action: BulkAction) -> bool:
    """Whether its job was given up, so that nothing goes on by itself."""
    given_up = select(OutboxJob.id).where(
        OutboxJob.organization_id == action.organization_id,
        OutboxJob.name == Job.CARRY_OUT_BULK_ACTION.work.name,
        OutboxJob.dedupe_key == f"{action.id}:{action.round}",
        OutboxJob.state == JobState.DEAD,
    )
    return bool(db.session.scalar(select(exists(given_up))))


def _of(action: BulkAction) -> Select[BulkResult]:
    return BulkResult.here().select(BulkResult.action_id == action.id)
