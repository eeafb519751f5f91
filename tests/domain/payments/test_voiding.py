import pytest

from tests.processor import TODAY, Shop, fresh
from webapp.core.db import transaction
from webapp.core.errors import Conflict
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import oldest_first
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.credits import applying
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin
from webapp.domain.ledger import Code
from webapp.domain.payments import voiding
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.refunds.refund import Refund, RefundState


def void(invoice: Invoice) -> list[CreditNote]:
    with transaction():
        return voiding.void(invoice.id, by=None, reason="Billed in error", on=TODAY)


def test_voiding_a_paid_invoice_turns_its_payments_into_credit_notes(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    first, second = shop.record(invoice, 15_000), shop.record(invoice, 25_000)
    notes = void(invoice)
    assert [(note.payment_id, note.amount, note.origin, note.invoice_id) for note in notes] == [
        (first.id, 15_000, Origin.VOIDED_INVOICE, invoice.id),
        (second.id, 25_000, Origin.VOIDED_INVOICE, invoice.id),
    ]
    gone = fresh(Invoice, invoice.id)
    assert (gone.status, gone.paid, gone.owed) == (InvoiceStatus.VOID, 0, 0)
    back = fresh(Payment, second.id)
    assert (back.allocated, back.credited, back.unapplied) == (0, 25_000, 0)
    assert Allocation.here().all(Allocation.undone_at.is_(None)) == []
    assert [shop.balance(code) for code in (Code.CREDIT_NOTES, Code.RECEIVABLE, Code.DUES_INCOME)] == [
        40_000, 0, 0,
    ]  # fmt: skip


def test_credit_on_a_voided_invoice_is_free_again(shop: Shop) -> None:
    shop.record(shop.owed(1), 10_001)
    [note] = CreditNote.here().all()
    invoice = shop.owed(10_000)
    with transaction():
        applying.apply(note.id, oldest_first, on=TODAY, by=None)
    [again] = void(invoice)
    assert (again.parent_id, again.amount, again.origin) == (note.id, 10_000, Origin.VOIDED_INVOICE)
    assert shop.balance(Code.CREDIT_NOTES) == 10_000


def test_what_was_refunded_on_it_is_no_expense_any_more(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    payment = shop.paid(invoice)
    shop.refund(10_000)
    shop.hear()
    assert shop.balance(Code.REFUNDS) == 10_000
    [note] = void(invoice)
    assert (note.amount, fresh(Payment, payment.id).credited) == (30_000, 30_000)
    assert (shop.balance(Code.REFUNDS), shop.balance(Code.RECEIVABLE)) == (0, 0)
    assert fresh(Invoice, invoice.id).refunded == 0


def test_a_refund_that_fails_after_its_invoice_was_voided_becomes_a_credit_note(shop: Shop) -> None:
    shop.sandbox.settings(refund_course="succeeded_then_failed", refund_delay=None)
    invoice = shop.owed(40_000)
    payment = shop.paid(invoice)
    shop.refund(10_000)
    shop.hear()
    void(invoice)
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    [refund] = Refund.here().all()
    assert refund.state is RefundState.FAILED
    assert fresh(Payment, payment.id).credited == 40_000
    assert sorted((note.amount, note.origin) for note in CreditNote.here().all(CreditNote.remaining > 0)) == [
        (10_000, Origin.FAILED_REFUND),
        (30_000, Origin.VOIDED_INVOICE),
    ]
    assert (shop.balance(Code.REFUNDS), shop.balance(Code.CREDIT_NOTES)) == (0, 40_000)


def test_the_effect_is_shown_before(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    shop.record(invoice, 15_000)
    shown = voiding.effect(fresh(Invoice, invoice.id))
    assert (shown.credited, shown.owed, shown.refunded) == (15_000, 25_000, 0)
    [freed] = shown.parts
    assert freed.payment is not None and freed.payment.reference == "1024"


def test_a_void_invoice_is_not_voided_again(shop: Shop) -> None:
    invoice = shop.owed()
    void(invoice)
    with pytest.raises(Conflict):
        void(invoice)


@pytest.mark.case("K13")
@pytest.mark.case("F24")
def test_money_refunded_at_the_processor_comes_out_of_credit_first_and_what_it_paid_is_owed_again(
    shop: Shop,
) -> None:
    invoice = shop.owed(40_000)
    payment = shop.paid(invoice)
    void(invoice)
    other = shop.owed(25_000)
    [note] = CreditNote.here().all()
    with transaction():
        applying.apply(note.id, oldest_first, on=TODAY, by=None)
    shop.refund(30_000)
    shop.hear()
    back = fresh(Payment, payment.id)
    assert (back.returned, back.credited, back.allocated) == (30_000, 10_000, 0)
    assert fresh(Invoice, other.id).owed == 15_000
    assert {one.state for one in CreditNote.here().all()} == {CreditState.APPLIED, CreditState.WITHDRAWN}
    assert shop.balance(Code.CREDIT_NOTES) == 0
