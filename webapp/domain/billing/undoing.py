"""Taking a whole run back, while nothing of it is paid or under way; a second person has to ask for it."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Select,
    Text,
    Uuid,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from webapp.core import audit, clock
from webapp.core.bulk import fill, working_table
from webapp.core.db import db
from webapp.core.errors import Conflict, Invalid, NotAllowed
from webapp.core.jobs import Job, later
from webapp.domain import ledger
from webapp.domain.billing.adjustments import Adjustment, AdjustmentState, end_waiting
from webapp.domain.billing.ids import new_ids
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.billing.late_fees import LateFee
from webapp.domain.billing.periods import hold as hold_period
from webapp.domain.billing.run import UNDER_WAY, BillingRun, RunState
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import BulkMove, Code, Event, JournalEntry
from webapp.domain.organizations import Login, Organization

VOIDED = working_table(
    "invoices_to_void",
    Column("source_id", Uuid()),
    Column("entry_id", Uuid()),
    Column("reverses_id", Uuid()),
    Column("member_id", Uuid()),
    Column("chapter_id", Uuid()),
    Column("description", Text()),
    Column("amount", BigInteger()),
    Column("chapter_part", BigInteger()),
)


class MoneyUnderWay(Conflict):
    message = "Something of this run has been paid, adjusted or put on a payment plan, or is being paid."
    next_step = "Void the invoices that were wrong one by one, and leave the paid ones."


def request(run: BillingRun, *, by: Login, reason: str) -> None:
    """Promise to void every invoice of the run. Never by the person who asked for the run."""
    if run.requested_by_id == by.id:
        raise NotAllowed(
            "Somebody else has to undo a run you asked for.",
            next_step="Ask another national admin of your organization.",
        )
    if not run.is_over:
        raise Conflict("Only a run that is finished or cancelled can be undone.")
    if not reason.strip():
        raise Invalid(fields={"reason": "Say why. Every member can read it on the invoice."})
    _refuse_if_paid(run)
    _refuse_while_billed(run)
    run.state, run.undone_by_id, run.undo_reason = RunState.UNDOING, by.id, reason.strip()
    run.error = None
    later(Job.UNDO_BILLING_RUN, run_id=run.id)
    audit.record("undoing", run, by=by, reason=run.undo_reason)


def undo(run_id: UUID) -> int:
    """Void all that is left of the run; how many. Money that came meanwhile stops it, and the run says so."""
    run = BillingRun.here().get(run_id, lock=True)
    if run.state is not RunState.UNDOING:
        return 0
    _lock_invoices(run)
    try:
        _refuse_if_paid(run)
    except MoneyUnderWay as refusal:
        run.state = RunState.CANCELLED if run.cancelled_at else RunState.DONE
        run.undone_by_id, run.error = None, refusal.message
        audit.record("not undone", run, by=None, reason=refusal.message)
        return 0
    assert run.undone_by_id is not None
    by = db.session.get_one(Login, run.undone_by_id)
    voided = _void_all(run, by)
    end_waiting(Invoice.here().select(Invoice.run_id == run.id).with_only_columns(Invoice.id), by=by)
    run.state, run.undone_at = RunState.UNDONE, clock.now()
    later(Job.ANNOUNCE, once=f"run_undone:{run.id}", what="run_undone", run_id=run.id)
    audit.record("undone", run, by=by, after={"voided": voided}, reason=run.undo_reason)
    return voided


def _refuse_if_paid(run: BillingRun) -> None:
    changed = exists().where(
        Adjustment.organization_id == Invoice.organization_id,
        Adjustment.invoice_id == Invoice.id,
        Adjustment.state == AdjustmentState.APPROVED,
    )
    interest = exists().where(
        InvoiceLine.organization_id == Invoice.organization_id,
        InvoiceLine.invoice_id == Invoice.id,
        InvoiceLine.kind == LineKind.PLAN_INTEREST,
    )
    touched = or_(
        Invoice.paid > 0, Invoice.refunded > 0, Invoice.processing, changed, Invoice.on_plan, interest
    )
    if db.session.scalar(select(exists(Invoice.here().select(Invoice.run_id == run.id, touched)))):
        raise MoneyUnderWay


def _refuse_while_billed(run: BillingRun) -> None:
    """Another run of the same schedule and period, begun or taken back; whoever begins one now waits."""
    hold_period(run.period_id)
    same = BillingRun.schedule_id == run.schedule_id, BillingRun.period_id == run.period_id
    if BillingRun.here().first(*same, BillingRun.state.in_(UNDER_WAY)):
        raise Conflict(
            "Another run of this schedule and period is under way.", next_step="Wait until that is finished."
        )


def _lock_invoices(run: BillingRun) -> None:
    ids = (
        select(Invoice.id)
        .where(Invoice.organization_id == run.organization_id, Invoice.run_id == run.id)
        .order_by(Invoice.id)
        .with_for_update()
        .subquery()
    )
    db.session.execute(select(func.count()).select_from(ids))


def _void_all(run: BillingRun, by: Login) -> int:
    income = BillingRun.open(run.id).schedule.kind.income_account
    fee = (LateFee.organization_id == Invoice.organization_id) & (LateFee.invoice_id == Invoice.id)
    without_fee = Invoice.billed - func.coalesce(LateFee.amount, 0)
    issued = (
        select(*_reversed(Invoice, without_fee, Invoice.chapter_part))
        .select_from(Invoice)
        .outerjoin(LateFee, fee)
        .join(JournalEntry, ledger.is_entry_of(Invoice, Event.INVOICE_ISSUED))
    )
    charged = (
        select(*_reversed(LateFee, LateFee.amount, literal(0)))
        .select_from(LateFee)
        .join(Invoice, fee)
        .join(JournalEntry, ledger.is_entry_of(LateFee, Event.LATE_FEE))
    )
    _reverse(run, Invoice, issued, income, by)
    _reverse(run, LateFee, charged, Code.LATE_FEE_INCOME, by)
    voiding = (
        update(Invoice)
        .where(*_live(run))
        .values(
            status=InvoiceStatus.VOID,
            voided_at=clock.now(),
            voided_on=_today(run),
            voided_by_id=by.id,
            void_reason=run.undo_reason,
        )
    )
    voided: int = db.session.connection().execute(voiding).rowcount
    return voided


def _live(run: BillingRun) -> Sequence[ColumnElement[bool]]:
    mine = Invoice.organization_id == run.organization_id, Invoice.run_id == run.id
    return *mine, Invoice.status != InvoiceStatus.VOID


def _reversed(document: type[Invoice] | type[LateFee], amount: Any, chapter_part: Any) -> Sequence[Any]:
    """In the order of the table's columns."""
    whose = Invoice.member_id, Invoice.chapter_id
    described = literal("Invoice ") + Invoice.number + " voided"
    return document.id, new_ids(), JournalEntry.id, *whose, described, amount, chapter_part


def _reverse(
    run: BillingRun,
    document: type[Invoice] | type[LateFee],
    standing: Select[Any],
    income: Code,
    by: Login,
) -> None:
    """Take back what these documents of the run's live invoices have in the books."""
    fill(VOIDED, VOIDED.c.keys(), standing.where(*_live(run)))
    moves = [
        BulkMove(VOIDED.c.amount, debit=income, credit=Code.RECEIVABLE, credit_member=True),
        BulkMove(VOIDED.c.chapter_part, debit=Code.DUE_TO_CHAPTERS, credit=income),
    ]
    ledger.post_many(
        Event.INVOICE_VOIDED,
        rows=VOIDED,
        moves=moves,
        source_kind=document.__tablename__,
        batch=run,
        on=_today(run),
        by=by,
    )


def _today(run: BillingRun) -> date:
    return db.session.get_one(Organization, run.organization_id).today
