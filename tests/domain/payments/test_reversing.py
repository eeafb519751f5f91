"""A payment that was recorded wrongly is taken back, and the books say so."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.jobs import JobRunner
from tests.processor import TODAY, Shop, fresh, make_owed
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import only
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.credits import applying
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin
from webapp.domain.ledger import Code, Event, JournalEntry
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.payments import allocation, crediting, reversing
from webapp.domain.payments.payment import Allocation, Payment, PaymentState
from webapp.domain.payments.reversing import NotReversible

REASON = "The check was for another member"


def reverse(shop: Shop, payment: Payment, reason: str = REASON) -> Payment:
    with transaction():
        reversing.reverse(payment.id, by=None, reason=reason, on=shop.organization.today)
    found: Payment = fresh(Payment, payment.id)
    return found


@pytest.mark.case("K27")
def test_what_was_recorded_wrongly_is_as_if_it_had_never_come(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    payment = reverse(shop, shop.record(invoice, 15_000))
    assert (payment.state, payment.allocated, payment.unapplied) == (PaymentState.REVERSED, 0, 0)
    assert (payment.reversal_reason, payment.received_on) == (REASON, TODAY)
    owing = fresh(Invoice, invoice.id)
    assert (owing.status, owing.owed, owing.paid) == (InvoiceStatus.OPEN, 40_000, 0)
    assert (shop.balance(Code.BANK), shop.balance(Code.RECEIVABLE)) == (0, 40_000)
    [settled] = Allocation.here().all()
    assert settled.undone_at is not None
    [entry] = JournalEntry.here().all(JournalEntry.event == Event.REVERSAL)
    assert entry.reverses_id is not None


def test_what_was_too_much_is_taken_back_with_it(shop: Shop) -> None:
    payment = reverse(shop, shop.record(shop.owed(10_000), 15_000))
    assert payment.unapplied == 0
    held = [shop.balance(code) for code in (Code.BANK, Code.UNAPPLIED_RECEIPTS, Code.CREDIT_NOTES)]
    assert held == [0, 0, 0]


def credit_of(payment: Payment) -> CreditNote:
    db.session.rollback()
    [note] = CreditNote.here().all(CreditNote.payment_id == payment.id, CreditNote.remaining > 0)
    return note


@pytest.mark.case("K10")
def test_a_credit_note_that_was_used_keeps_its_payment_from_being_reversed(shop: Shop) -> None:
    payment, other = shop.record(shop.owed(10_000), 15_000), shop.owed(5_000)
    note = credit_of(payment)
    with transaction():
        applying.apply(note.id, only(other), on=TODAY, by=None)
    with pytest.raises(NotReversible, match=f"{note.number}.*has been used"):
        reverse(shop, payment)
    assert fresh(Payment, payment.id).state is PaymentState.SUCCEEDED


def test_what_was_taken_off_an_invoice_before_is_taken_back_as_well(shop: Shop) -> None:
    """The books have moved it three times by then; afterwards it is as if it had never come."""
    invoice = shop.owed(10_000)
    payment = shop.record(invoice, 10_000)
    with transaction():
        held = Invoice.here().get(invoice.id, lock=True)
        paid = Payment.here().get(payment.id, lock=True)
        [settled] = allocation.live_allocations(paid)
        allocation.undo(settled, paid, held, on=TODAY, by=None)
        crediting.credit_rest(paid, origin=Origin.UNDONE, on=TODAY, by=None)
    note = credit_of(payment)
    reverse(shop, payment)
    assert fresh(CreditNote, note.id).state is CreditState.WITHDRAWN
    codes = (Code.BANK, Code.UNAPPLIED_RECEIPTS, Code.CREDIT_NOTES)
    assert [shop.balance(code) for code in codes] == [0, 0, 0]
    assert fresh(Invoice, invoice.id).owed == shop.balance(Code.RECEIVABLE) == 10_000


@pytest.mark.case("F13")
def test_nothing_is_reversed_twice(shop: Shop) -> None:
    payment = reverse(shop, shop.record(shop.owed(10_000), 10_000))
    with pytest.raises(NotReversible, match="reversed already"):
        reverse(shop, payment)


@pytest.mark.case("F13")
def test_two_who_reverse_it_at_once_reverse_it_once(shop: Shop) -> None:
    invoice = shop.owed(10_000)
    payment_id, here = shop.record(invoice, 10_000).id, tenancy.organization_id()
    app, today = shop.client.application, shop.organization.today
    db.session.rollback()

    def try_to(_: int) -> str:
        with app.app_context(), tenancy.acting_for(here):
            try:
                with transaction():
                    reversing.reverse(payment_id, by=None, reason=REASON, on=today)
            except NotReversible:
                return "was reversed"
            return "reversed"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(try_to, range(4))) == ["reversed", *["was reversed"] * 3]
    assert fresh(Invoice, invoice.id).owed == 10_000


def test_what_came_through_a_processor_is_refunded_and_not_reversed(shop: Shop) -> None:
    payment = shop.paid(shop.owed(10_000))
    with pytest.raises(NotReversible, match="through a processor"):
        reverse(shop, payment)


def test_a_reversal_says_why(shop: Shop) -> None:
    payment = shop.record(shop.owed(10_000), 10_000)
    with pytest.raises(Invalid):
        reverse(shop, payment, " ")


def test_an_invoice_that_is_late_by_now_is_overdue_again(shop: Shop) -> None:
    late = make_owed(shop.member, 10_000, due_on=TODAY + timedelta(days=30))
    payment = shop.record(late, 10_000)
    reverse(shop, payment)
    assert fresh(Invoice, late.id).status is InvoiceStatus.OVERDUE


def test_who_had_a_receipt_hears_of_it_and_nobody_else(shop: Shop, jobs: JobRunner) -> None:
    invoice = shop.owed(40_000)
    told, untold = shop.record(invoice, 1_000), shop.record(invoice, 2_000)
    jobs.run_all()
    for mail in Mail.here().all(Mail.payment_id == untold.id):
        with transaction():
            Mail.here().get(mail.id, lock=True).drop("No address")
    reverse(shop, told), reverse(shop, untold)
    jobs.run_all()
    corrections = Mail.here().all(Mail.kind == MailKind.PAYMENT_REVERSED)
    assert [(mail.payment_id, mail.state) for mail in corrections] == [(told.id, MailState.SENT)]
    assert str(corrections[0].subject).startswith("Correction")


def test_a_receipt_that_was_not_sent_yet_is_not_sent_any_more(shop: Shop, jobs: JobRunner) -> None:
    payment = shop.record(shop.owed(40_000), 1_000)
    reverse(shop, payment)
    jobs.run_all()
    assert {(mail.kind, mail.state) for mail in Mail.here().all()} == {(MailKind.RECEIPT, MailState.DROPPED)}
