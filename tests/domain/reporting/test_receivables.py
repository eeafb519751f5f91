"""What is owed on a past day. That it agrees with the books, day by day, is verified after every test."""

from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import literal, select, text

from tests import factories
from tests.processor import TODAY, Shop, fresh
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing.adjusting import adjust
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import oldest_first, only
from webapp.domain.credits import applying
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.organizations import local_day
from webapp.domain.payments import reallocating, reversing, voiding
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Allocation, Method, Payment
from webapp.domain.reporting import receivables


def day(number: int) -> date:
    """So many days after the invoices are issued."""
    return TODAY + timedelta(number)


def owed(invoice: Invoice, *days: int) -> list[int]:
    db.session.rollback()
    found = [
        db.session.execute(receivables.owed_at(day(one), Invoice.id == invoice.id)).all() for one in days
    ]
    return [rows[0].owed if rows else 0 for rows in found]


def receive(shop: Shop, invoice: Invoice, amount: int, on: date) -> Payment:
    with transaction():
        return record_offline(shop.member, amount, method=Method.CHECK, on=on, by=None, spread=only(invoice))


def change(invoice: Invoice, kind: AdjustmentKind, amount: int, on: date) -> None:
    with transaction():
        adjust(Invoice.here().get(invoice.id, lock=True), Change(kind, amount, "Agreed"), by=None, on=on)


@pytest.mark.case("K19")
def test_each_document_counts_from_its_day_in_the_books_on(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    receive(shop, invoice, 15_000, day(5))
    change(invoice, AdjustmentKind.FEE, 2_000, day(7))
    change(invoice, AdjustmentKind.WAIVER, 7_000, day(9))
    assert owed(invoice, -1, 0, 4, 5, 7, 8, 9) == [0, 40_000, 40_000, 25_000, 27_000, 27_000, 20_000]


def test_a_check_of_days_ago_was_not_owed_any_more_since_then(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    receive(shop, invoice, 40_000, day(3))
    assert owed(invoice, 2, 3) == [40_000, 0]


def test_what_a_reversed_payment_had_settled_was_not_owed_until_then(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    payment = receive(shop, invoice, 15_000, day(2))
    with transaction():
        reversing.reverse(payment.id, by=None, reason="Another's", on=day(6))
    assert owed(invoice, 1, 2, 5, 6) == [40_000, 25_000, 25_000, 40_000]


def test_a_refund_after_which_nothing_is_owed_changes_nothing_until_the_invoice_is_void(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    shop.paid(invoice)
    shop.refund(10_000)
    shop.hear()
    today = (shop.organization.today - TODAY).days
    with transaction():
        voiding.void(invoice.id, by=None, reason="Billed in error", on=day(today + 2))
    assert owed(invoice, 0, today, today + 1, today + 2) == [40_000, 0, 0, 0]


def test_only_the_invoices_asked_for_are_looked_at(shop: Shop) -> None:
    mine = shop.owed(1_000)
    factories.make_invoice(2_000)
    rows = db.session.execute(receivables.owed_at(date(2099, 1, 1), Invoice.member_id == shop.member_id))
    assert [(row.invoice_id, row.owed) for row in rows] == [(mine.id, 1_000)]


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        ("Pacific/Kiritimati", datetime(2028, 2, 28, 10, 30, tzinfo=UTC), date(2028, 2, 29)),
        ("America/Adak", datetime(2028, 3, 1, 9, 30, tzinfo=UTC), date(2028, 2, 29)),
        ("America/New_York", datetime(2026, 3, 8, 4, 59, tzinfo=UTC), date(2026, 3, 7)),
        ("America/New_York", datetime(2026, 3, 9, 4, 0, tzinfo=UTC), date(2026, 3, 9)),
        ("America/New_York", datetime(2026, 11, 2, 4, 59, tzinfo=UTC), date(2026, 11, 1)),
    ],
)
def test_a_moment_counts_on_the_day_it_is_where_the_organization_is(
    app: Any, zone: str, moment: datetime, expected: date
) -> None:
    made = factories.make_organization(timezone=zone)
    with tenancy.acting_for(made.id):
        assert db.session.scalar(select(local_day(literal(moment)))) == expected


DAYS = {
    "invoices": "voided_on",
    "adjustments": "effective_on",
    "allocations": "allocated_on, undone_on",
    "credit_applications": "applied_on, undone_on",
}


def kept_days() -> dict[str, list[tuple[Any, ...]]]:
    statements = {table: f"SELECT id, {names} FROM {table} ORDER BY id" for table, names in DAYS.items()}
    return {table: [tuple(row) for row in db.session.execute(text(one))] for table, one in statements.items()}


def test_what_an_earlier_version_wrote_gets_its_days_from_the_journal(shop: Shop) -> None:
    first, second = shop.owed(10_000), shop.owed(20_000)
    receive(shop, first, 12_000, day(3))
    [note] = CreditNote.here().all()
    with transaction():
        applying.apply(note.id, oldest_first, on=day(4), by=None)
    change(second, AdjustmentKind.WAIVER, 500, day(5))
    [allocation] = Allocation.here().all()
    with transaction():
        reallocating.reallocate(allocation.id, oldest_first, on=day(6), by=None)
    with transaction():
        voiding.void(second.id, by=None, reason="Billed in error", on=day(8))
    db.session.rollback()
    before = kept_days()
    with transaction():
        for table, names in DAYS.items():
            db.session.execute(text(f"UPDATE {table} SET {names.replace(',', ' = NULL,')} = NULL"))

    migration = import_module("migrations.versions.0036_days_in_the_books")
    with transaction():
        for statement in migration.BACKFILL:
            db.session.execute(text(statement) if isinstance(statement, str) else statement)

    assert kept_days() == before
    assert fresh(Invoice, second.id).voided_on == day(8)
