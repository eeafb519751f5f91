"""A night's late fees of an organization: one statement for each table, whatever the number of invoices."""

from datetime import date
from typing import Any
from uuid import UUID

from babel.dates import format_date
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Date,
    Integer,
    Numeric,
    Text,
    Uuid,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    update,
    values,
)

from webapp.core import audit, tenancy
from webapp.core.bulk import fill, working_table
from webapp.core.db import db, new_id
from webapp.core.jobs import Job, later
from webapp.domain import ledger
from webapp.domain.billing import explaining, late_fee_rules
from webapp.domain.billing.explaining import LateFeeRule
from webapp.domain.billing.ids import new_ids
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.billing.late_fees import LateFee, LateFeeRun
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.status import status_expression
from webapp.domain.ledger import BulkMove, Code, Event
from webapp.domain.organizations import Organization

ROWS = working_table(
    "late_fees_of_this_night",
    Column("source_id", Uuid()),
    Column("entry_id", Uuid()),
    Column("line_id", Uuid()),
    Column("rule_number", Integer()),
    Column("description", Text()),
    Column("invoice_id", Uuid()),
    Column("owed", BigInteger()),
    Column("member_id", Uuid()),
    Column("chapter_id", Uuid()),
    Column("number", Text()),
    Column("due_on", Date()),
    Column("schedule_id", Uuid()),
    Column("source", Text()),
    Column("kind", Text()),
    Column("percent", Numeric()),
    Column("maximum", BigInteger()),
    Column("after_days", Integer()),
    Column("amount", BigInteger()),
)
_RULE = ("schedule_id", "source", "kind", "percent", "maximum", "after_days")


def charge(organization: Organization, on: date) -> LateFeeRun | None:
    """Charge every fee that is due: line, entry and what is owed. None if there is none.

    A day whose books are closed leaves them to the next one. The caller closes the pages that still ask for
    less.
    """
    if ledger.closed_through(on) is not None:
        return None
    _find(organization, on)
    fees, total = db.session.execute(select(func.count(), func.sum(ROWS.c.amount)).select_from(ROWS)).one()
    if not fees:
        return None
    run = LateFeeRun(id=new_id(), charged_on=on, fees=fees, total=int(total))
    db.session.add(run)
    db.session.flush()
    ledger.post_many(
        Event.LATE_FEE,
        rows=ROWS,
        moves=[
            BulkMove(ROWS.c.amount, debit=Code.RECEIVABLE, credit=Code.LATE_FEE_INCOME, debit_member=True)
        ],
        source_kind=LateFee.__tablename__,
        batch=run,
        on=on,
        by=None,
    )
    _write_lines(organization, on)
    _write_fees(run)
    _raise_invoices(on)
    later(Job.ANNOUNCE, once=f"late_fees_charged:{run.id}", what="late_fees_charged", run_id=run.id)
    audit.record("late fees charged", run, by=None, after={"fees": fees, "amount": run.total})
    return run


def _find(organization: Organization, on: date) -> None:
    """The invoices are held from here on, so that none is paid or voided while it is being charged.

    Two nights at once take turns, so that the second looks at what the first has charged.
    """
    DuesSettings.here().first(lock=True)
    held = late_fee_rules.due(organization, on).order_by(Invoice.id).with_for_update(of=Invoice).cte("held")
    numbered = func.dense_rank().over(order_by=[held.c[name] for name in (*_RULE, "amount")])
    chosen: dict[str, ColumnElement[Any]] = {
        **{one.name: one for one in held.c},
        "source_id": new_ids(),
        "entry_id": new_ids(),
        "line_id": new_ids(),
        "rule_number": numbered,
        "description": literal("Late fee, invoice ") + held.c.number,
    }
    fill(ROWS, list(chosen), select(*chosen.values()))


def _rules(organization: Organization, on: date) -> dict[int, UUID]:
    """Why, once for each rule and amount. The rule's number to the reason's id."""
    columns = [ROWS.c[name] for name in ("rule_number", *_RULE, "amount")]
    distinct = select(*columns).distinct().order_by(ROWS.c.rule_number)
    return explaining.note_late_fees(
        organization, [LateFeeRule(*row) for row in db.session.execute(distinct)], on=on
    )


def _write_lines(organization: Organization, on: date) -> None:
    why = values(column("number", Integer()), column("reason_id", Uuid()), name="why").data(
        list(_rules(organization, on).items())
    )
    last = (
        select(func.max(InvoiceLine.position))
        .where(
            InvoiceLine.organization_id == tenancy.organization_id(),
            InvoiceLine.invoice_id == ROWS.c.invoice_id,
        )
        .scalar_subquery()
    )
    line: dict[str, ColumnElement[Any]] = {
        "organization_id": literal(tenancy.organization_id()),
        "id": ROWS.c.line_id,
        "invoice_id": ROWS.c.invoice_id,
        "position": func.coalesce(last, 0) + 1,
        "kind": literal(LineKind.LATE_FEE.value),
        "description": literal(f"Late fee, {format_date(on, 'long', locale=organization.locale)}"),
        "amount": ROWS.c.amount,
        "income_account_id": literal(ledger.account_ids()[Code.LATE_FEE_INCOME]),
        "reason_id": why.c.reason_id,
    }
    rows = select(*line.values()).join_from(ROWS, why, why.c.number == ROWS.c.rule_number)
    db.session.connection().execute(insert(InvoiceLine).from_select(list(line), rows))


def _write_fees(run: LateFeeRun) -> None:
    kept = ("line_id", "invoice_id", "amount", "owed", "source", "kind", "percent", "maximum", "after_days")
    fee: dict[str, ColumnElement[Any]] = {
        "organization_id": literal(tenancy.organization_id()),
        "id": ROWS.c.source_id,
        "run_id": literal(run.id),
    } | {name: ROWS.c[name] for name in kept}
    db.session.connection().execute(insert(LateFee).from_select(list(fee), select(*fee.values())))


def _raise_invoices(on: date) -> None:
    """The status follows from the sums; who was partly paid stays what they are, overdue."""
    raised = cast(Invoice.billed + ROWS.c.amount, BigInteger())
    db.session.connection().execute(
        update(Invoice)
        .where(Invoice.organization_id == tenancy.organization_id(), Invoice.id == ROWS.c.invoice_id)
        .values(billed=raised, status=status_expression(on, Invoice))
    )
    db.session.expire_all()
