"""What each event writes into the books: debit, credit and amount, from the document to the posting."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.processor import TODAY, Shop, fresh
from webapp.core.db import db, transaction
from webapp.domain import ledger
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import only
from webapp.domain.credits.applying import apply
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.ledger import Event, JournalEntry
from webapp.domain.payments.allocation import allocate, live_allocations, undo
from webapp.domain.payments.crediting import credit_rest
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.reporting.verification import books as verification

Postings = list[tuple[str, str, int]]


def issued(shop: Shop) -> None:
    factories.make_invoice(40_000)


def voided(shop: Shop) -> None:
    shop.void(shop.owed())


def check_in_full(shop: Shop) -> None:
    shop.record(shop.owed(), 40_000)


def check_for_too_much(shop: Shop) -> None:
    shop.record(shop.owed(), 50_000)


def card(shop: Shop) -> None:
    shop.paid(shop.owed())


def card_after_a_check(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.pay(checkout)
    shop.record(invoice, 40_000)
    shop.hear()


def credit_applied_later(shop: Shop) -> None:
    shop.record(shop.owed(), 50_000)
    second = shop.owed(30_000)
    [note] = CreditNote.here().all()
    with transaction():
        apply(note.id, only(second), on=TODAY, by=None)


def taken_off_and_allocated_anew(shop: Shop) -> None:
    payment, second = shop.record(shop.owed(), 40_000), shop.owed(30_000)
    [first] = live_allocations(payment)
    with transaction():
        invoice, other = (Invoice.here().get(one, lock=True) for one in (first.invoice_id, second.id))
        held = Payment.here().get(payment.id, lock=True)
        undo(fresh(Allocation, first.id), held, invoice, on=TODAY, by=None)
        allocate(held, other, 30_000, on=TODAY, by=None)
        credit_rest(held, on=TODAY, by=None)


def refunded(shop: Shop) -> None:
    shop.paid(shop.owed())
    shop.refund(10_000)
    shop.hear()


TABLE: list[tuple[Callable[[Shop], None], Event, Postings]] = [
    (issued, Event.INVOICE_ISSUED, [("1200", "4010", 40_000)]),
    (voided, Event.REVERSAL, [("4000", "1200", 40_000)]),
    (check_in_full, Event.PAYMENT_RECEIVED, [("1000", "1200", 40_000)]),
    (check_for_too_much, Event.PAYMENT_RECEIVED, [("1000", "1200", 40_000), ("1000", "2100", 10_000)]),
    (card, Event.PAYMENT_RECEIVED, [("1010", "1200", 38_810), ("6100", "1200", 1_190)]),
    (card_after_a_check, Event.PAYMENT_RECEIVED, [("1010", "2100", 38_810), ("6100", "2100", 1_190)]),
    (check_for_too_much, Event.CREDIT_NOTE_ISSUED, [("2100", "2110", 10_000)]),
    (credit_applied_later, Event.CREDIT_NOTE_APPLIED, [("2110", "1200", 10_000)]),
    (taken_off_and_allocated_anew, Event.ALLOCATION_UNDONE, [("1200", "2100", 40_000)]),
    (taken_off_and_allocated_anew, Event.PAYMENT_ALLOCATED, [("2100", "1200", 30_000)]),
    (refunded, Event.REFUND, [("4910", "1010", 10_000)]),
]


@pytest.mark.case("K31")
@pytest.mark.parametrize(("deed", "event", "postings"), TABLE, ids=[deed.__name__ for deed, *_ in TABLE])
def test_each_event_is_posted_as_the_table_says(
    shop: Shop, deed: Callable[[Shop], None], event: Event, postings: Postings
) -> None:
    deed(shop)

    entries = db.session.scalars(
        JournalEntry.here().select(JournalEntry.event == event).order_by(JournalEntry.id)
    ).all()
    moves = ledger.moves_of(entries[-1])
    assert sorted((move.debit.account, move.credit.account, move.amount) for move in moves) == sorted(
        postings
    )


def test_documents_and_books_that_differ_by_a_cent_are_named(shop: Shop) -> None:
    invoice = shop.owed()
    check = shop.record(invoice, 50_000)
    [note] = CreditNote.here().all()
    with transaction():
        fresh(Invoice, invoice.id).billed += 1
        fresh(Payment, check.id).credited -= 1
        fresh(CreditNote, note.id).amount += 2

    found = [one.sentence("USD") for one in verification.verify(shop.organization)]

    whose = f"member {shop.member.number}"
    assert found == [
        f"Billed against its lines, invoice {invoice.number}: should be 400.00 USD, is 400.01 USD",
        f"Owed on invoices against account 1200, {whose}: should be 0.01 USD, is 0.00 USD",
        f"Received and settled nowhere against account 2100, {whose}: should be 0.01 USD, is 0.00 USD",
        f"Credit notes against account 2110, {whose}: should be 100.02 USD, is 100.00 USD",
        f"Credited by its notes, payment {check.id}: should be 100.02 USD, is 99.99 USD",
    ]
    with transaction():
        fresh(Invoice, invoice.id).billed -= 1
        fresh(Payment, check.id).credited += 1
        fresh(CreditNote, note.id).amount -= 2


def test_every_entry_names_a_document_that_exists(shop: Shop) -> None:
    refunded(shop)

    sources: Any = db.session.execute(select(JournalEntry.source_kind, JournalEntry.source_id)).all()

    tables = {"invoices": Invoice, "payments": Payment}
    for kind, source_id in sources:
        if kind in tables:
            assert fresh(tables[kind], source_id).id == source_id
    assert {kind for kind, _ in sources} == {"invoices", "payments", "refunds"}
