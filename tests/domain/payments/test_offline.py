from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from tests.processor import TODAY, Shop, fresh, make_owed
from tests.services import Database
from tests.statements import statements
from tests.waiting import wait_until_somebody_waits
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain import ledger
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import (
    PreviewChanged,
    lock_open_invoices,
    oldest_first,
    open_invoices,
    preview,
)
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code, PostingBlocked
from webapp.domain.organizations import Member
from webapp.domain.payments.offline import alike, record_offline
from webapp.domain.payments.payment import Method, Payment, PaymentState


def record(shop: Shop, amount: int, method: Method = Method.CASH) -> Payment:
    with transaction():
        return record_offline(shop.member, amount, method=method, on=TODAY, by=None)


def test_cash_settles_the_oldest_invoice_first(shop: Shop) -> None:
    later = make_owed(shop.member, 30_000, due_on=date(2099, 12, 1))
    earlier = make_owed(shop.member, 20_000, due_on=date(2099, 11, 1))
    payment = record(shop, 25_000)
    assert (payment.state, payment.processor_id) == (PaymentState.SUCCEEDED, None)
    assert fresh(Invoice, earlier.id).status is InvoiceStatus.PAID
    assert fresh(Invoice, later.id).owed == 25_000
    assert shop.balance(Code.BANK) == 25_000


def test_the_books_are_held_open_with_what_is_owed_even_where_nothing_is(shop: Shop) -> None:
    held = text(
        "SELECT mode FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()"
    )
    with transaction() as session:
        assert lock_open_invoices(shop.member.id) == []
        assert session.scalars(held).all() == ["ShareLock"]


def test_a_payment_asks_once_and_writes_once(shop: Shop) -> None:
    shop.owed(40_000)
    member = Member.here().get(shop.member.id)
    db.session.commit()
    with statements() as sent, transaction():
        record_offline(member, 40_000, method=Method.CHECK, on=TODAY, by=None)
    told, asked, written = sent
    assert "pg_advisory_xact_lock_shared" in told
    assert asked.startswith("SELECT invoices.")
    assert written.startswith("WITH part_0 AS (INSERT INTO payments ")


def test_money_that_waited_while_its_day_was_closed_is_refused(
    shop: Shop, app: Flask, database: Database
) -> None:
    invoice, member_id, here = shop.owed(40_000), shop.member.id, tenancy.organization_id()

    def receive() -> None:
        with app.app_context(), tenancy.acting_for(here), transaction():
            member = Member.here().get(member_id)
            record_offline(member, 40_000, method=Method.CASH, on=TODAY, by=None)

    with ThreadPoolExecutor(1) as threads:
        with transaction():
            ledger.close_span(TODAY, TODAY, by=None)
            received = threads.submit(receive)
            wait_until_somebody_waits(database)
        with pytest.raises(PostingBlocked) as blocked:
            received.result(20)
    assert blocked.value.guards == ("period_is_open",)
    assert fresh(Invoice, invoice.id).owed == 40_000


def test_a_day_closed_in_the_same_transaction_is_closed_for_what_follows(shop: Shop) -> None:
    shop.owed(40_000)
    with pytest.raises(PostingBlocked), transaction():
        record_offline(shop.member, 40_000, method=Method.CASH, on=TODAY, by=None)
        ledger.close_span(TODAY, TODAY, by=None)
        record_offline(shop.member, 100, method=Method.CASH, on=TODAY, by=None)


@pytest.mark.case("K33")
def test_a_part_leaves_the_rest_owed(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    shop.record(invoice, 1)
    partly = fresh(Invoice, invoice.id)
    assert (partly.status, partly.owed) == (InvoiceStatus.PARTIAL, 39_999)


def test_a_part_that_came_in_before_the_invoice_was_late_leaves_the_rest_overdue(shop: Shop) -> None:
    late = make_owed(shop.member, 40_000, due_on=date(2025, 10, 1))
    with transaction():
        record_offline(shop.member, 15_000, method=Method.CHECK, on=date(2025, 9, 20), by=None)
    assert fresh(Invoice, late.id).status is InvoiceStatus.OVERDUE


@pytest.mark.case("K20")
def test_a_payment_dated_before_another_takes_only_what_that_one_left(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    record(shop, 30_000)
    with transaction():
        earlier = record_offline(
            shop.member, 30_000, method=Method.CHECK, on=TODAY - timedelta(days=60), by=None
        )
    assert (earlier.allocated, earlier.credited) == (10_000, 20_000)
    assert (fresh(Invoice, invoice.id).paid, fresh(Invoice, invoice.id).owed) == (40_000, 0)


def test_what_is_too_much_for_the_named_invoice_becomes_a_credit_note(shop: Shop) -> None:
    named, other = shop.owed(10_000), shop.owed(10_000)
    payment = shop.record(named, 15_000)
    assert (payment.allocated, payment.credited) == (10_000, 5_000)
    assert fresh(Invoice, other.id).owed == 10_000
    assert shop.balance(Code.CREDIT_NOTES) == 5_000


def test_what_is_previewed_is_what_is_recorded(shop: Shop) -> None:
    invoice = shop.owed(10_000)
    seen = preview(15_000, open_invoices(shop.member_id), oldest_first)
    assert ([part for _, part in seen.parts], seen.rest) == ([10_000], 5_000)
    with transaction():
        payment = record_offline(
            shop.member, 15_000, method=Method.CARD_TERMINAL, on=TODAY, by=None, seen=seen.summary
        )
    assert (payment.method, payment.allocated) == (Method.CARD_TERMINAL, 10_000)
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID


@pytest.mark.case("K10")
def test_a_preview_that_is_not_true_any_more_is_not_recorded(shop: Shop) -> None:
    invoice = shop.owed(10_000)
    seen = preview(15_000, open_invoices(shop.member_id), oldest_first)
    shop.record(invoice, 4_000)
    with pytest.raises(PreviewChanged), transaction():
        record_offline(shop.member, 15_000, method=Method.CHECK, on=TODAY, by=None, seen=seen.summary)
    assert len(Payment.here().all()) == 1


def test_a_receipt_is_mailed_only_to_those_who_shall_have_one(shop: Shop) -> None:
    with transaction():
        record_offline(shop.member, 1_000, method=Method.CASH, on=TODAY, by=None, receipt=False)
    assert "payment_received" not in shop.announced()
    record(shop, 2_000)
    assert shop.announced().count("payment_received") == 1


def test_the_same_money_recorded_before_is_noticed(shop: Shop) -> None:
    with transaction():
        first = record_offline(shop.member, 4_000, method=Method.CHECK, on=TODAY, by=None, reference="1024")
    same = {"method": Method.CHECK, "reference": "1024"}
    assert alike(shop.member_id, 4_000, on=TODAY + timedelta(days=14), **same) == [first]
    others = [
        alike(shop.member_id, 4_000, on=TODAY + timedelta(days=15), **same),
        alike(shop.member_id, 4_001, on=TODAY, **same),
        alike(shop.member_id, 4_000, on=TODAY, method=Method.CHECK, reference="1025"),
        alike(shop.member_id, 4_000, on=TODAY, method=Method.CHECK),
        alike(shop.member_id, 4_000, on=TODAY, method=Method.CASH, reference="1024"),
    ]
    assert others == [[]] * 5


@pytest.mark.parametrize("method", [Method.CARD, Method.ACH_DEBIT, Method.WALLET, Method.UNKNOWN])
def test_a_card_payment_is_never_recorded_by_hand(shop: Shop, method: Method) -> None:
    with pytest.raises(Invalid):
        record(shop, 1_000, method)


def test_money_that_is_still_to_come_is_not_recorded(shop: Shop) -> None:
    tomorrow = shop.organization.today + timedelta(days=1)
    with pytest.raises(Invalid, match="once it is there"), transaction():
        record_offline(shop.member, 1_000, method=Method.CASH, on=tomorrow, by=None)


@pytest.mark.parametrize("amount", [0, -5])
def test_nothing_is_not_recorded(shop: Shop, amount: int) -> None:
    with pytest.raises(Invalid):
        record(shop, amount)


@pytest.mark.case("K20")
def test_checks_recorded_at_once_never_settle_more_than_is_owed(shop: Shop) -> None:
    invoice_id, member_id = shop.owed(40_000).id, shop.member_id
    app, here = shop.client.application, tenancy.organization_id()

    def record_one(_: int) -> None:
        with app.app_context(), tenancy.acting_for(here), transaction():
            member = Member.here().get(member_id)
            record_offline(member, 15_000, method=Method.CHECK, on=TODAY, by=None)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(record_one, range(6)))
    settled = fresh(Invoice, invoice_id)
    assert (settled.status, settled.paid) == (InvoiceStatus.PAID, 40_000)
    payments = Payment.here().all()
    assert sum(payment.allocated for payment in payments) == 40_000
    assert sum(payment.credited for payment in payments) == 6 * 15_000 - 40_000
