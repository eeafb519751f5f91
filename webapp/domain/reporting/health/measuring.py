"""What the method wants to know of chapters at the end of a day: two statements, however many they are."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, literal, or_, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.organizations import Chapter, Organization, local_day
from webapp.domain.payments.batches import ReceiptBatch, ReceiptBatchState
from webapp.domain.payments.payment import FeeState, Payment, PaymentState
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.domain.reporting.collections import figures as collections
from webapp.domain.reporting.collections import report
from webapp.domain.reporting.collections.figures import Span
from webapp.domain.reporting.collections.report import By
from webapp.domain.reporting.health.scoring import Figures
from webapp.domain.reporting.receivables import Whose


def figures(organization: Organization, day: date, *, chapter_id: UUID | None = None) -> dict[UUID, Figures]:
    """Of each active chapter, or of one chapter. What is owed and paid, and the plans, are what the documents
    say of that day; what waits to be put in its place is known for today and the day before alone."""
    tells_waiting = day >= organization.today - timedelta(days=1)
    spans = [Span.twelve_months(each) for each in (day, year_before(day))]
    groups = report.groups_of_each(spans, By.CHAPTER, Whose(chapter_id=chapter_id))
    now, before = ({group.id: group.figures for group in each} for each in groups)
    found = {}
    for row in db.session.execute(_beside(day, chapter_id)):
        waits = max((day - row.waits_since).days, 0) if row.waits_since else 0
        found[row.id] = Figures(
            now=now.get(row.id, _NOTHING),
            before=before.get(row.id, _NOTHING),
            plans=row.plans,
            defaulted=row.defaulted,
            waiting_days=waits if tells_waiting else None,
            takes_money=row.takes_money,
        )
    return found


def year_before(day: date) -> date:
    """The same day; the end of a month stays the end of a month."""
    return Span.twelve_months(day).day_before


_NOTHING = collections.Figures(Span(date.min, date.min))


def _beside(day: date, chapter_id: UUID | None) -> Select[Any]:
    """id, plans, defaulted, waits_since and takes_money of each chapter."""
    plans = _plans(day).subquery("plans")
    waiting = func.least(_oldest(_unsettled_since(), Payment, *_unsettled(day)), _oldest_batch(day))
    any_money = select(literal(value=True)).where(*_of_chapter(Payment), Payment.received_on <= day).exists()
    found = select(
        Chapter.id,
        func.coalesce(plans.c.plans, 0).label("plans"),
        func.coalesce(plans.c.defaulted, 0).label("defaulted"),
        waiting.label("waits_since"),
        any_money.label("takes_money"),
    ).outerjoin(plans, plans.c.chapter_id == Chapter.id)
    here = Chapter.organization_id == tenancy.organization_id()
    return found.where(here, Chapter.active if chapter_id is None else Chapter.id == chapter_id)


def _plans(day: date) -> Select[UUID, int, int]:
    """Those that ran on a day of the 12 months, and which of them had ended as defaulted by then."""
    ran = or_(PaymentPlan.ended_on.is_(None), PaymentPlan.ended_on > year_before(day))
    has_ended = PaymentPlan.ended_on <= day
    replaced = and_(PaymentPlan.state == PlanState.SUPERSEDED, has_ended)
    defaulted = and_(PaymentPlan.state == PlanState.DEFAULTED, has_ended)
    return (
        select(
            PaymentPlan.chapter_id,
            func.count().filter(~func.coalesce(replaced, False)).label("plans"),
            func.count().filter(defaulted).label("defaulted"),
        )
        .where(PaymentPlan.organization_id == tenancy.organization_id(), PaymentPlan.accepted_on <= day, ran)
        .group_by(PaymentPlan.chapter_id)
    )


def _unsettled(day: date) -> list[ColumnElement[bool]]:
    fee_is_open = Payment.fee_state.in_((FeeState.AWAITED, FeeState.FAILED))
    has_come = Payment.state == PaymentState.SUCCEEDED
    return [or_(Payment.unapplied > 0, and_(has_come, fee_is_open)), _unsettled_since() <= day]


def _unsettled_since() -> ColumnElement[date]:
    return func.coalesce(
        Payment.received_on, local_day(func.coalesce(Payment.settled_at, Payment.created_at))
    )


def _oldest_batch(day: date) -> ScalarSelect[Any]:
    since = local_day(ReceiptBatch.created_at)
    return _oldest(since, ReceiptBatch, ReceiptBatch.state != ReceiptBatchState.POSTED, since <= day)


def _oldest(since: ColumnElement[date], kind: Any, *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    return select(func.min(since)).where(*_of_chapter(kind), *conditions).scalar_subquery()


def _of_chapter(kind: Any) -> tuple[ColumnElement[bool], ...]:
    return kind.organization_id == Chapter.organization_id, kind.chapter_id == Chapter.id
