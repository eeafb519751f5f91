"""Many payments recorded at once, oldest invoice first: a handful of statements, however many there are.

What a stack can't write as plain rows, such as money that is too much or settles what is owed to a chapter
of before, is recorded one by one in the same transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FromClause, Text, Uuid, any_, column, func, literal

from webapp.core import clock
from webapp.core.bulk import insert_rows, patch_rows
from webapp.core.db import OrganizationRow, db, new_id
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import Preview
from webapp.domain.billing.status import derive_status
from webapp.domain.ledger import BulkMove, Code, Event, post_many
from webapp.domain.organizations import Login, Member, Organization
from webapp.domain.payments import allocation
from webapp.domain.payments.closing_pages import promise_closing
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Allocation, FeeState, Method, Payment, PaymentState


@dataclass(frozen=True)
class Sheet:
    """One payment of the stack: a check, one person's deduction. `line_id` is the batch's line."""

    line_id: UUID
    member: Member
    amount: int
    reference: str | None


@dataclass(frozen=True)
class Deposit:
    """Where all of them went together."""

    batch: OrganizationRow
    method: Method
    on: date
    reference: str


def owed_by(member_ids: Iterable[UUID], *, lock: bool = False) -> Sequence[Invoice]:
    """What these members owe, in id order, which is the order of locking everywhere."""
    whose = Invoice.member_id == any_(literal(sorted(set(member_ids)), ARRAY(Uuid)))
    statement = Invoice.here().select(whose, Invoice.owed > 0).order_by(Invoice.id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(statement).all()


def plan(sheets: Sequence[Sheet], owed: Iterable[Invoice]) -> list[Preview]:
    """What each settles, one after the other: what the first takes, the next does not find any more."""
    left: dict[UUID, int] = {}
    invoices: dict[UUID, list[Invoice]] = defaultdict(list)
    for invoice in sorted(owed, key=lambda one: (one.due_on, one.id)):
        invoices[invoice.member_id].append(invoice)
        left[invoice.id] = invoice.owed
    previews = []
    for sheet in sheets:
        rest, parts = sheet.amount, []
        for invoice in invoices[sheet.member.id]:
            if part := min(rest, left[invoice.id]) if not invoice.processing else 0:
                parts.append((invoice, part))
                left[invoice.id] -= part
                rest -= part
        previews.append(Preview(parts, rest))
    return previews


def record(
    sheets: Sequence[Sheet], deposit: Deposit, *, by: Login | None, organization: Organization
) -> None:
    """All of them, in their order, each with an entry of its own that is dated the day of the deposit."""
    owed = owed_by([sheet.member.id for sheet in sheets], lock=True)
    planned = list(zip(sheets, plan(sheets, owed), strict=True))
    odd = {sheet.member.id for sheet, preview in planned if not _is_plain(sheet, preview)}
    plain = [(sheet, preview) for sheet, preview in planned if sheet.member.id not in odd]
    if plain:
        _write(plain, deposit, by=by, organization=organization)
    for sheet in sheets:
        if sheet.member.id in odd:
            record_offline(
                sheet.member,
                sheet.amount,
                method=deposit.method,
                on=deposit.on,
                by=by,
                reference=sheet.reference,
                receipt=False,
                line_id=sheet.line_id,
                deposit=deposit.reference,
            )


def _is_plain(sheet: Sheet, preview: Preview) -> bool:
    own = sheet.member.chapter_id
    return not preview.rest and all(invoice.chapter_id == own for invoice, _ in preview.parts)


Planned = Sequence[tuple[Sheet, Preview]]


def _write(planned: Planned, deposit: Deposit, *, by: Login | None, organization: Organization) -> None:
    ids = [new_id() for _ in planned]
    rows = [
        _payment(payment_id, sheet, deposit, by, organization)
        for payment_id, (sheet, _) in zip(ids, planned, strict=True)
    ]
    insert_rows(Payment, rows)
    insert_rows(
        Allocation,
        [
            {"id": new_id(), "payment_id": payment_id, "invoice_id": invoice.id, "amount": part}
            | {"allocated_at": clock.now(), "allocated_on": deposit.on}
            for payment_id, (_, preview) in zip(ids, planned, strict=True)
            for invoice, part in preview.parts
        ],
    )
    entries = _entries(ids, planned, deposit)
    _settle(planned, on=organization.today)
    post_many(
        Event.PAYMENT_RECEIVED,
        rows=entries,
        moves=[BulkMove(entries.c.amount, debit=Code.BANK, credit=Code.RECEIVABLE, credit_member=True)],
        source_kind=Payment.__tablename__,
        batch=deposit.batch,
        on=deposit.on,
        by=by,
    )


def _payment(
    payment_id: UUID, sheet: Sheet, deposit: Deposit, by: Login | None, organization: Organization
) -> Mapping[str, Any]:
    now = clock.now()
    return {
        "id": payment_id,
        "member_id": sheet.member.id,
        "chapter_id": sheet.member.chapter_id,
        "method": deposit.method,
        "state": PaymentState.SUCCEEDED,
        "amount": sheet.amount,
        "currency": organization.currency,
        "fee_state": FeeState.NONE,
        "allocated": sheet.amount,
        "returned": 0,
        "received_on": deposit.on,
        "reference": sheet.reference,
        "receipt_line_id": sheet.line_id,
        "recorded_by_id": by.id if by else None,
        "created_at": now,
        "settled_at": now,
    }


def _settle(planned: Planned, *, on: date) -> None:
    """Every invoice once, with all that settles it, and the status that follows."""
    invoices: dict[UUID, Invoice] = {}
    paid: dict[UUID, int] = defaultdict(int)
    for _, preview in planned:
        for invoice, part in preview.parts:
            invoices[invoice.id] = invoice
            paid[invoice.id] += part
    patch_rows(
        Invoice, [_patch(invoice, invoice.paid + paid[invoice.id], on) for invoice in invoices.values()]
    )
    promise_closing(list(invoices))
    for invoice in invoices.values():
        db.session.expire(invoice)


def _patch(invoice: Invoice, paid: int, on: date) -> Mapping[str, Any]:
    status = derive_status(
        billed=invoice.billed,
        adjusted=invoice.adjusted,
        paid=paid,
        refunded=invoice.refunded,
        voided=invoice.is_void,
        grace_ends_on=invoice.grace_ends_on,
        on=on,
    )
    return {"id": invoice.id, "paid": paid, "status": status}


def _entries(ids: Sequence[UUID], planned: Planned, deposit: Deposit) -> FromClause:
    """An entry for each payment, as a table of this statement."""
    columns: list[tuple[str, Any, list[Any]]] = [
        ("source_id", Uuid(), list(ids)),
        ("entry_id", Uuid(), [new_id() for _ in ids]),
        ("chapter_id", Uuid(), [sheet.member.chapter_id for sheet, _ in planned]),
        ("member_id", Uuid(), [sheet.member.id for sheet, _ in planned]),
        ("amount", BigInteger(), [sheet.amount for sheet, _ in planned]),
        ("description", Text(), [_words(preview, deposit) for _, preview in planned]),
    ]
    arrays = (literal(values, ARRAY(kind)) for _, kind, values in columns)
    table = func.unnest(*arrays).table_valued(*(column(name, kind) for name, kind, _ in columns))
    return table.render_derived(name="stack")


def _words(preview: Preview, deposit: Deposit) -> str:
    return allocation.description(
        deposit.method, [invoice for invoice, _ in preview.parts], deposit.reference
    )
