import pytest

from tests.processor import TODAY, Shop, fresh
from webapp.core.audit import AuditEntry
from webapp.core.db import transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import PreviewChanged, Spread, as_named, oldest_first
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.credits.credit_note import CreditNote, Origin
from webapp.domain.ledger import Code
from webapp.domain.payments import reallocating
from webapp.domain.payments.allocation import live_allocations
from webapp.domain.payments.payment import Allocation, Payment


def reallocate(payment: Payment, spread: Spread, seen: str | None = None) -> CreditNote | None:
    [only_one] = live_allocations(payment)
    with transaction():
        return reallocating.reallocate(only_one.id, spread, seen=seen, on=TODAY, by=None)


@pytest.mark.case("K27")
def test_a_payment_taken_off_an_invoice_becomes_a_credit_note(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    payment = shop.record(invoice, 40_000)
    note = reallocate(payment, reallocating.nowhere)
    assert note is not None and (note.amount, note.origin) == (40_000, Origin.UNDONE)
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.OPEN
    back = fresh(Payment, payment.id)
    assert (back.allocated, back.credited) == (0, 40_000)
    assert shop.balance(Code.CREDIT_NOTES) == shop.balance(Code.RECEIVABLE) == 40_000


def test_it_settles_other_invoices_in_the_same_step_and_both_stay_on_record(shop: Shop) -> None:
    wrong, right = shop.owed(40_000), shop.owed(30_000)
    payment = shop.record(wrong, 40_000)
    note = reallocate(payment, oldest_first)
    assert note is not None and note.amount == 10_000
    assert (fresh(Invoice, wrong.id).owed, fresh(Invoice, right.id).owed) == (40_000, 0)
    rows = Allocation.here().all(Allocation.payment_id == payment.id, order_by=Allocation.id)
    assert [(row.invoice_id, row.amount, row.undone_at is None) for row in rows] == [
        (wrong.id, 40_000, False),
        (right.id, 30_000, True),
    ]
    actions = [one.action for one in AuditEntry.here().all(AuditEntry.subject_id == payment.id)]
    assert {"undo allocation", "allocate"} <= set(actions)


def test_the_invoice_it_is_taken_off_is_no_target(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    payment = shop.record(invoice, 40_000)
    with pytest.raises(Invalid):
        reallocate(payment, as_named({invoice.id: 10_000}))


def test_an_allocation_is_undone_once(shop: Shop) -> None:
    payment = shop.record(shop.owed(40_000), 40_000)
    [settled] = live_allocations(payment)
    reallocate(payment, reallocating.nowhere)
    with pytest.raises(Conflict), transaction():
        reallocating.reallocate(settled.id, oldest_first, on=TODAY, by=None)


def test_what_was_confirmed_is_what_is_done(shop: Shop) -> None:
    wrong, right = shop.owed(40_000), shop.owed(30_000)
    payment = shop.record(wrong, 40_000)
    [settled] = live_allocations(payment)
    seen = reallocating.preview(settled, payment, oldest_first).summary
    shop.record(right, 1_000)
    with pytest.raises(PreviewChanged):
        reallocate(payment, oldest_first, seen)


@pytest.mark.case("K20")
def test_what_is_taken_off_an_overdue_invoice_leaves_it_overdue(shop: Shop) -> None:
    invoice = shop.owed(40_000)
    payment = shop.record(invoice, 40_000)
    with transaction():
        fresh(Invoice, invoice.id).grace_ends_on = TODAY.replace(year=2020)
    reallocate(payment, reallocating.nowhere)
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.OVERDUE
