"""One batch of a billing run: some of its members, priced, posted, numbered and invoiced in one transaction.

All rows are written by a handful of statements, whatever their number. If anything fails, nothing of the
batch happened, no number was used, and the same batch is simply run again.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Executable,
    FromClause,
    Integer,
    Numeric,
    Subquery,
    Text,
    Uuid,
    cast,
    column,
    func,
    insert,
    literal,
    null,
    select,
    values,
)
from sqlalchemy.dialects.postgresql import JSONB

from webapp.core import clock, tenancy
from webapp.core.bulk import fill, working_table
from webapp.core.db import db
from webapp.core.jobs import Job, later
from webapp.domain import ledger
from webapp.domain.billing import explaining, numbering
from webapp.domain.billing.assessing import Occasion, assessed
from webapp.domain.billing.ids import new_ids
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.billing.run import (
    BatchState,
    BillingBatch,
    BillingOmission,
    BillingRun,
    RunState,
    finish_if_done,
)
from webapp.domain.billing.schedules import Basis, ScheduleKind
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import BulkMove, Code, Event
from webapp.domain.organizations import Login, Organization

ROWS = working_table(
    "rows_of_this_batch",
    Column("source_id", Uuid()),
    Column("entry_id", Uuid()),
    Column("place", Integer()),
    Column("member_id", Uuid()),
    Column("chapter_id", Uuid()),
    Column("description", Text()),
    Column("amount", BigInteger()),
    Column("chapter_part", BigInteger()),
    Column("price", Integer()),
    Column("status_id", Uuid()),
    Column("rate_id", Uuid()),
    Column("unit_amount", BigInteger()),
    Column("prorated_from", Date()),
    Column("share", Numeric()),
    Column("bill_to", JSONB()),
    Column("billed", Boolean()),
    Column("omitted", Text()),
)


def bill_batch(run_id: UUID, batch_id: UUID) -> None:
    """Bill everybody in the batch who has no invoice yet. Run again it does nothing."""
    batch = BillingBatch.here().get(batch_id, lock=True)
    run = BillingRun.open(run_id)
    if batch.state is not BatchState.WAITING:
        return
    if run.state is RunState.CANCELLING:
        batch.state, batch.finished_at = BatchState.CANCELLED, clock.now()
        finish_if_done(run)
    if run.state is not RunState.RUNNING:
        return
    _assess(run.occasion, batch)
    payable = select(ROWS).where(ROWS.c.billed).subquery("payable")
    looked_at, batch.invoiced, batch.total = _counts()
    batch.already = max(0, batch.members - looked_at)
    if batch.invoiced:
        _post(run, batch, payable)
        _invoice(run, batch.invoiced, payable)
        later(Job.ANNOUNCE, once=f"invoices_issued:{batch.id}", what="invoices_issued", batch_id=batch.id)
    _note_omissions(run)
    batch.state, batch.finished_at = BatchState.DONE, clock.now()
    finish_if_done(run)


def _assess(occasion: Occasion, batch: BillingBatch) -> None:
    """One look at those without an invoice, kept for this transaction: nobody changes while being billed."""
    found = assessed(occasion, batch.its_members)
    prices = found.c.billed, found.c.status_id, found.c.rate_id, found.c.unit_amount, found.c.prorated_from
    numbers = found.c.member_number.collate("C")
    chosen = {
        "source_id": new_ids(),
        "entry_id": new_ids(),
        "place": func.row_number().over(partition_by=found.c.billed, order_by=numbers),
        "member_id": found.c.member_id,
        "chapter_id": found.c.chapter_id,
        "description": _description(occasion, found),
        "amount": found.c.amount,
        "chapter_part": _chapter_part(occasion, found.c.amount),
        "price": func.dense_rank().over(order_by=prices),
        "status_id": found.c.status_id,
        "rate_id": found.c.rate_id,
        "unit_amount": found.c.unit_amount,
        "prorated_from": found.c.prorated_from,
        "share": found.c.share if occasion.schedule.basis is Basis.SHARE else cast(null(), Numeric()),
        "bill_to": _bill_to(found),
        "billed": found.c.billed,
        "omitted": found.c.omitted,
    }
    fill(ROWS, list(chosen), select(*chosen.values()).where(~found.c.already))


def _description(occasion: Occasion, found: FromClause) -> ColumnElement[str]:
    title = literal(occasion.title)
    if not occasion.prorates:
        return title
    return func.concat(title, ", from " + cast(found.c.prorated_from, Text()))


def _chapter_part(occasion: Occasion, amount: ColumnElement[int]) -> ColumnElement[int]:
    percent = literal(occasion.schedule.chapter_percent, Numeric())
    return cast(func.round(cast(amount, Numeric()) * percent / 100), BigInteger())


def _bill_to(found: FromClause) -> ColumnElement[Any]:
    """Who pays, as of now: what the invoice will say for ever."""
    return func.jsonb_build_object(
        *("name", func.btrim(found.c.first_name + " " + found.c.last_name)),
        *("address", found.c.address),
        *("member_number", found.c.member_number),
        *("status", found.c.status_label),
        *("chapter", found.c.chapter_name),
    )


def _counts() -> tuple[int, int, int]:
    """Members without an invoice until now, how many of them get one, and the total in minor units."""
    total = func.coalesce(func.sum(ROWS.c.amount).filter(ROWS.c.billed), 0)
    counts = select(func.count(), func.count().filter(ROWS.c.billed), total).select_from(ROWS)
    looked_at, billed, amount = db.session.execute(counts).one()
    return looked_at, billed, int(amount)


def _post(run: BillingRun, batch: BillingBatch, payable: Subquery) -> None:
    income = run.schedule.kind.income_account
    moves = [BulkMove(payable.c.amount, debit=Code.RECEIVABLE, credit=income, debit_member=True)]
    if run.schedule.chapter_percent:
        moves.append(BulkMove(payable.c.chapter_part, debit=income, credit=Code.DUE_TO_CHAPTERS))
    ledger.post_many(
        Event.INVOICE_ISSUED,
        rows=payable,
        moves=moves,
        source_kind=Invoice.__tablename__,
        batch=batch,
        on=run.dated,
        by=db.session.get(Login, run.requested_by_id) if run.requested_by_id else None,
    )


def _invoice(run: BillingRun, count: int, payable: Subquery) -> None:
    """Numbers last, for the counter stays locked until the end; the rows follow each other without a gap."""
    reason_ids = explaining.note(run, _prices())
    first = numbering.take(run.dated.year, count)
    connection = db.session.connection()
    due_on, grace_ends_on = run.occasion.due_dates
    sequence = payable.c.place + (first - 1)
    digits = cast(sequence, Text())
    number = literal(f"{run.dated.year}-") + func.lpad(digits, func.greatest(6, func.length(digits)), "0")
    invoice: dict[str, ColumnElement[Any]] = {
        "organization_id": literal(tenancy.organization_id()),
        "id": payable.c.source_id,
        "year": literal(run.dated.year),
        "sequence": sequence,
        "number": number,
        "member_id": payable.c.member_id,
        "chapter_id": payable.c.chapter_id,
        "schedule_id": literal(run.schedule_id),
        "period_id": literal(run.period_id),
        "run_id": literal(run.id),
        "status": literal(InvoiceStatus.OPEN.value),
        "currency": literal(db.session.get_one(Organization, tenancy.organization_id()).currency),
        "billed": payable.c.amount,
        "chapter_part": payable.c.chapter_part,
        "issued_on": literal(run.dated),
        "due_on": literal(due_on),
        "grace_ends_on": literal(grace_ends_on),
        "bill_to": payable.c.bill_to,
    }
    connection.execute(insert(Invoice).from_select(list(invoice), select(*invoice.values())))
    connection.execute(_lines(run, payable, reason_ids))


def _prices() -> list[explaining.Price]:
    distinct = (
        select(ROWS.c.price, ROWS.c.status_id, ROWS.c.rate_id, ROWS.c.unit_amount, ROWS.c.prorated_from)
        .where(ROWS.c.billed)
        .distinct()
        .order_by(ROWS.c.price)
    )
    return [explaining.Price(*row) for row in db.session.execute(distinct)]


def _lines(run: BillingRun, payable: Subquery, reason_ids: dict[int, UUID]) -> Executable:
    why = values(column("price", Integer()), column("reason_id", Uuid()), name="why").data(
        list(reason_ids.items())
    )
    is_dues = run.schedule.kind is ScheduleKind.REGULAR_DUES
    line: dict[str, ColumnElement[Any]] = {
        "organization_id": literal(tenancy.organization_id()),
        "id": new_ids(),
        "invoice_id": payable.c.source_id,
        "kind": literal((LineKind.BASE_DUES if is_dues else LineKind.ASSESSMENT).value),
        "description": payable.c.description,
        "amount": payable.c.amount,
        "income_account_id": literal(ledger.account_ids()[run.schedule.kind.income_account]),
        "reason_id": why.c.reason_id,
        "share": payable.c.share,
    }
    rows = select(*line.values()).join_from(payable, why, why.c.price == payable.c.price)
    return insert(InvoiceLine).from_select(list(line), rows)


def _note_omissions(run: BillingRun) -> None:
    omission: dict[str, ColumnElement[Any]] = {
        "organization_id": literal(tenancy.organization_id()),
        "id": new_ids(),
        "run_id": literal(run.id),
        "member_id": ROWS.c.member_id,
        "reason": ROWS.c.omitted,
    }
    rows = select(*omission.values()).where(ROWS.c.omitted.is_not(None))
    db.session.connection().execute(insert(BillingOmission).from_select(list(omission), rows))
