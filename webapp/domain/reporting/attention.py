"""What needs a person: counted per home, most urgent first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    cast,
    exists,
    func,
    literal,
    null,
    select,
    union_all,
)

from webapp.core import clock, tenancy
from webapp.core.db import db
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain.approvals import ApprovalRequest, ApprovalState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.organizations import local_day
from webapp.domain.payments.disputes import ANSWERABLE, AnswerState, Dispute, DisputeAnswer
from webapp.domain.payments.gateway import DisputeKind
from webapp.domain.payments.payment import FeeState, Payment, PaymentState
from webapp.domain.plans import hold_ups
from webapp.domain.plans.following import steps
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.domain.refunds.refund import Refund
from webapp.domain.reporting.health.notices import HealthNotice

_RECENT = timedelta(days=14)
Row = tuple[str, int, int, datetime | None]


class Kind(StrEnum):
    DISPUTE_WAITS = "dispute_waits"
    FEE_UNCLEAR = "fee_unclear"
    OPEN_CREDIT = "open_credit"
    REFUND_FAILED = "refund_failed"
    PAYMENT_FAILED = "payment_failed"
    MAIL_FAILED = "mail_failed"
    APPROVAL = "approval"
    APPROVAL_QUESTION = "approval_question"
    PLAN_ASKED = "plan_asked"
    PLAN_LATE = "plan_late"
    AUTOPAY_HELD = "autopay_held"
    OVERDUE = "overdue"
    HEALTH = "chapter_health"
    JOB_DEAD = "job_dead"


@dataclass(frozen=True)
class Need:
    """`amount` in minor units where money is behind it, else 0; `until` is when the first comes too late."""

    kind: Kind
    count: int
    amount: int
    until: datetime | None = None

    def days_left(self, *, now: datetime) -> int | None:
        """Whole days, 0 on the last one."""
        return None if self.until is None else max(0, (self.until - now).days)


def of_chapter(chapter_id: UUID, *, failed_mails: Select[int]) -> list[Need]:
    """What waits in one chapter. `failed_mails` counts them for whoever knows about mails."""
    overdue = _counted(Kind.OVERDUE, Invoice, func.sum(Invoice.owed)).where(
        Invoice.organization_id == tenancy.organization_id(),
        Invoice.chapter_id == chapter_id,
        Invoice.status == InvoiceStatus.OVERDUE,
        Invoice.owed > 0,
    )
    payments = [query.where(Payment.chapter_id == chapter_id) for query in _payments()]
    credit = _open_credit().where(CreditNote.chapter_id == chapter_id)
    asked_back = _requests(Kind.APPROVAL_QUESTION, ApprovalState.ASKED_BACK)
    questions = asked_back.where(ApprovalRequest.chapter_id == chapter_id)
    plans = _plans(PaymentPlan.chapter_id == chapter_id)
    health = _health(HealthNotice.chapter_id == chapter_id)
    return _found(questions, *payments, *plans, credit, _mails(failed_mails), health, overdue)


def of_organization(*, failed_mails: Select[int]) -> list[Need]:
    dead = _counted(Kind.JOB_DEAD, OutboxJob).where(
        OutboxJob.organization_id == tenancy.organization_id(), OutboxJob.state == JobState.DEAD
    )
    waiting = _requests(Kind.APPROVAL, ApprovalState.PENDING)
    mails = _mails(failed_mails)
    return _found(waiting, *_payments(), *_plans(), _open_credit(), dead, mails, _health())


def _requests(kind: Kind, state: ApprovalState) -> Select[*Row]:
    return _counted(kind, ApprovalRequest, func.sum(ApprovalRequest.amount)).where(
        ApprovalRequest.organization_id == tenancy.organization_id(), ApprovalRequest.state == state
    )


def _plans(*only: ColumnElement[bool]) -> list[Select[*Row]]:
    """Those that a member asked for and nobody has answered; kept ones that are late, or not collected."""
    asked = _counted(Kind.PLAN_ASKED, PaymentPlan, func.sum(PaymentPlan.total))
    today = select(local_day(func.now())).scalar_subquery()
    kept = steps(PaymentPlan.state == PlanState.ACTIVE, *only).subquery("kept")
    late = select(
        literal(Kind.PLAN_LATE.value),
        func.count(kept.c.plan_id.distinct()),
        func.coalesce(func.sum(kept.c.owed), 0),
        _NEVER,
    ).where(kept.c.owed > 0, kept.c.due_on < today)
    here = PaymentPlan.organization_id == tenancy.organization_id()
    by_member = PaymentPlan.by_member, PaymentPlan.state == PlanState.PROPOSED
    held = select(literal(Kind.AUTOPAY_HELD.value), func.count(), literal(0), _NEVER)
    not_collected = held.select_from(hold_ups.held_up(*only).subquery("held"))
    return [asked.where(here, *by_member, *only), late, not_collected]


def _health(*only: ColumnElement[bool]) -> Select[*Row]:
    """Notices about a chapter's health that stand."""
    return _counted(Kind.HEALTH, HealthNotice).where(
        HealthNotice.organization_id == tenancy.organization_id(), HealthNotice.ended_on.is_(None), *only
    )


def _payments() -> list[Select[*Row]]:
    here = Payment.organization_id == tenancy.organization_id()
    return [
        _disputes().where(here),
        _counted(Kind.FEE_UNCLEAR, Payment, func.sum(Payment.amount)).where(
            here, Payment.fee_state == FeeState.FAILED
        ),
        _counted(Kind.REFUND_FAILED, Refund, func.sum(Refund.amount))
        .join(
            Payment, (Payment.organization_id == Refund.organization_id) & (Payment.id == Refund.payment_id)
        )
        .where(here, Refund.failed_at.is_not(None), Refund.failure_handled_at.is_(None)),
        _counted(Kind.PAYMENT_FAILED, Payment, func.sum(Payment.amount)).where(
            here, Payment.state == PaymentState.FAILED, Payment.created_at > clock.now() - _RECENT
        ),
    ]


def _disputes() -> Select[*Row]:
    """Those that the payer's bank waits for an answer to, and nobody has promised one."""
    promised = exists().where(
        DisputeAnswer.organization_id == Dispute.organization_id,
        DisputeAnswer.dispute_id == Dispute.id,
        DisputeAnswer.state == AnswerState.PROMISED,
    )
    waiting = _counted(Kind.DISPUTE_WAITS, Dispute, func.sum(Dispute.amount), func.min(Dispute.answer_by))
    return waiting.join(
        Payment, (Payment.organization_id == Dispute.organization_id) & (Payment.id == Dispute.payment_id)
    ).where(Dispute.state.in_(ANSWERABLE), Dispute.kind == DisputeKind.CHARGEBACK, ~promised)


def _open_credit() -> Select[*Row]:
    return _counted(Kind.OPEN_CREDIT, CreditNote, func.sum(CreditNote.remaining)).where(
        CreditNote.organization_id == tenancy.organization_id(), CreditNote.remaining > 0
    )


def _mails(failed: Select[int]) -> Select[*Row]:
    return select(literal(Kind.MAIL_FAILED.value), failed.scalar_subquery(), literal(0), _NEVER)


_NEVER: ColumnElement[datetime | None] = cast(null(), DateTime(timezone=True))


def _counted(kind: Kind, table: type, amount: Any = None, until: Any = _NEVER) -> Select[*Row]:
    total: ColumnElement[int] = literal(0) if amount is None else func.coalesce(amount, 0)
    return select(literal(kind.value), func.count(), total, until).select_from(table)


def _found(*queries: Select[*Row]) -> list[Need]:
    rows = db.session.execute(union_all(*queries))
    return [Need(Kind(row[0]), row[1], int(row[2]), row[3]) for row in rows if row[1]]
