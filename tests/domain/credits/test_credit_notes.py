from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from tests import factories
from tests.processor import TODAY, Shop, fresh
from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import transaction
from webapp.core.errors import Conflict, Invalid, Refusal
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.payability import PaymentUnderWay
from webapp.domain.billing.spreading import (
    PreviewChanged,
    Spread,
    as_named,
    in_proportion,
    oldest_first,
    only,
    open_invoices,
    preview,
)
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.credits import applying
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin
from webapp.domain.ledger import Code
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.payment import Payment


def note_of(shop: Shop, amount: int) -> CreditNote:
    """What a check brought beyond an invoice of one cent."""
    payment = shop.record(shop.owed(1), amount + 1)
    return CreditNote.here().all(CreditNote.payment_id == payment.id)[0]


def apply(note: CreditNote, spread: Spread = oldest_first, **options: Any) -> list[CreditApplication]:
    with transaction():
        return applying.apply(note.id, spread, on=TODAY, by=None, **options)


def undo(application: CreditApplication, amount: int | None = None) -> CreditNote:
    with transaction():
        invoice = Invoice.here().get(application.invoice_id, lock=True)
        held = CreditApplication.here().get(application.id, lock=True)
        return applying.undo(held, invoice, amount, on=TODAY, by=None)


def rest_of(note: CreditNote) -> CreditNote:
    [child] = CreditNote.here().all(CreditNote.parent_id == note.id)
    return child


def test_what_is_paid_too_much_is_held_under_a_number_of_its_own(shop: Shop) -> None:
    payment = shop.record(shop.owed(40_000), 50_000)
    [note] = CreditNote.here().all()
    assert (note.number, note.amount, note.origin) == ("CN-2025-000001", 10_000, Origin.OVERPAYMENT)
    assert (note.payment_id, note.state, note.remaining) == (payment.id, CreditState.OPEN, 10_000)
    assert fresh(Payment, payment.id).credited == 10_000
    assert (shop.balance(Code.UNAPPLIED_RECEIPTS), shop.balance(Code.CREDIT_NOTES)) == (0, 10_000)


def test_a_credit_note_pays_an_invoice_in_full_and_its_rest_names_it_as_parent(shop: Shop) -> None:
    note, invoice = note_of(shop, 50_000), shop.owed(40_000)
    [application] = apply(note)
    assert application.amount == 40_000
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    used, rest = fresh(CreditNote, note.id), rest_of(note)
    assert (used.state, used.used, used.remaining) == (CreditState.APPLIED, 40_000, 0)
    assert (rest.origin, rest.amount, rest.state) == (Origin.REMAINDER, 10_000, CreditState.OPEN)
    assert (rest.payment_id, rest.number) == (note.payment_id, "CN-2025-000002")
    assert shop.balance(Code.CREDIT_NOTES) == 10_000


@pytest.mark.case("K7")
@pytest.mark.parametrize("spread", [oldest_first, in_proportion])
def test_one_note_pays_several_invoices_to_the_cent(shop: Shop, spread: Spread) -> None:
    owed = [shop.owed(amount) for amount in (3_333, 3_333, 3_334)]
    note = note_of(shop, 10_000)
    apply(note, spread)
    assert [fresh(Invoice, one.id).owed for one in owed] == [0, 0, 0]
    assert CreditNote.here().all(CreditNote.remaining > 0) == []
    assert shop.balance(Code.CREDIT_NOTES) == 0


def test_a_named_part_leaves_the_rest_of_the_invoice_owed(shop: Shop) -> None:
    note, invoice = note_of(shop, 10_000), shop.owed(40_000)
    apply(note, as_named({invoice.id: 4_000}))
    assert (fresh(Invoice, invoice.id).owed, rest_of(note).amount) == (36_000, 6_000)


def test_more_than_the_note_holds_or_the_invoice_owes_is_refused(shop: Shop) -> None:
    note, small, large = note_of(shop, 10_000), shop.owed(5_000), shop.owed(40_000)
    for parts in ({large.id: 10_001}, {small.id: 5_001}, {large.id: 0}):
        with pytest.raises(Invalid):
            apply(note, as_named(parts))
    assert fresh(CreditNote, note.id).is_open


def test_with_nothing_owed_there_is_nothing_to_apply(shop: Shop) -> None:
    note = note_of(shop, 10_000)
    with pytest.raises(Invalid, match="nothing that this credit note could settle"):
        apply(note)


def test_an_invoice_that_a_debit_is_paying_is_left_out_and_refused_by_name(shop: Shop) -> None:
    note, invoice = note_of(shop, 10_000), shop.owed(40_000)
    shop.pay(shop.open(invoice), "bank_waits")
    shop.hear()
    with pytest.raises(Invalid):
        apply(note)
    with pytest.raises(PaymentUnderWay):
        apply(note, only(fresh(Invoice, invoice.id)))


def test_a_page_that_asks_for_what_credit_has_paid_is_closed(shop: Shop) -> None:
    note, invoice = note_of(shop, 40_000), shop.owed(40_000)
    page = shop.open(invoice)
    apply(note)
    shop.work()
    assert fresh(Checkout, page.id).state is CheckoutState.CLOSED


def test_what_was_confirmed_is_what_is_applied(shop: Shop) -> None:
    note, invoice = note_of(shop, 10_000), shop.owed(4_000)
    seen = preview(note.amount, open_invoices(shop.member_id), oldest_first).summary
    shop.record(invoice, 1_000)
    with pytest.raises(PreviewChanged):
        apply(note, seen=seen)
    again = preview(note.amount, open_invoices(shop.member_id), oldest_first).summary
    assert [one.amount for one in apply(note, seen=again)] == [3_000]


@pytest.mark.case("K27")
def test_taking_credit_off_an_invoice_makes_it_owed_again_and_keeps_both_rows(shop: Shop) -> None:
    note, invoice = note_of(shop, 40_000), shop.owed(40_000)
    [application] = apply(note)
    again = undo(application)
    assert fresh(Invoice, invoice.id).owed == 40_000
    assert (again.origin, again.amount, again.parent_id) == (Origin.UNDONE, 40_000, note.id)
    assert fresh(CreditNote, note.id).used == 0
    assert fresh(CreditApplication, application.id).undone_at is not None
    [second] = apply(again)
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    assert {one.id for one in CreditApplication.here().all()} == {application.id, second.id}


def test_taking_a_part_off_leaves_the_rest_applied(shop: Shop) -> None:
    note, invoice = note_of(shop, 40_000), shop.owed(40_000)
    [application] = apply(note)
    freed = undo(application, 15_000)
    assert (freed.amount, fresh(Invoice, invoice.id).owed) == (15_000, 15_000)
    [left] = CreditApplication.here().all(CreditApplication.undone_at.is_(None))
    assert (left.amount, left.credit_note_id) == (25_000, note.id)


def test_a_note_that_waits_to_be_given_back_is_not_used_meanwhile(shop: Shop) -> None:
    note = note_of(shop, 10_000)
    shop.owed(40_000)
    with transaction():
        CreditNote.here().get(note.id, lock=True).hold(by=None)
    with pytest.raises(Conflict, match="waiting to be given back"):
        apply(note)
    with transaction():
        CreditNote.here().get(note.id, lock=True).let_go(by=None)
    assert len(apply(note)) == 1


def at_once(shop: Shop, hands: int, deed: Callable[[], object]) -> list[bool]:
    """Whether each of them did it."""
    app, here = shop.client.application, tenancy.organization_id()

    def one(_: int) -> bool:
        with app.app_context(), tenancy.acting_for(here):
            try:
                with transaction():
                    deed()
            except Refusal:
                return False
            return True

    with ThreadPoolExecutor(hands) as pool:
        return list(pool.map(one, range(hands)))


@pytest.mark.case("K10")
def test_the_same_note_applied_in_two_tabs_is_spent_once(shop: Shop) -> None:
    note_id = note_of(shop, 10_000).id
    shop.owed(40_000)
    done = at_once(shop, 6, lambda: applying.apply(note_id, oldest_first, on=TODAY, by=None))
    assert sum(done) == 1
    assert sum(one.amount for one in CreditApplication.here().all()) == 10_000


@pytest.mark.case("K20")
def test_two_notes_applied_to_one_invoice_at_once_never_pay_more_than_it_owes(shop: Shop) -> None:
    notes: list[UUID] = [note_of(shop, 30_000).id for _ in range(4)]
    invoice = shop.owed(40_000)
    waiting = list(notes)
    at_once(shop, 4, lambda: applying.apply(waiting.pop(), oldest_first, on=TODAY, by=None))
    assert fresh(Invoice, invoice.id).paid == 40_000
    assert sum(one.remaining for one in CreditNote.here().all()) == 4 * 30_000 - 40_000


@pytest.mark.case("K11")
def test_numbers_have_no_gaps_whatever_was_undone_or_refused(shop: Shop) -> None:
    note = note_of(shop, 10_000)
    with pytest.raises(Invalid), transaction():
        applying.apply(note.id, as_named({note.id: 5}), on=TODAY, by=None)
    shop.owed(4_000)
    [application] = apply(note)
    undo(application)
    note_of(shop, 3_000)
    found = sorted(one.sequence for one in CreditNote.here().all())
    assert found == list(range(1, len(found) + 1))


def test_each_step_of_a_note_is_in_the_audit_trail(shop: Shop) -> None:
    note = note_of(shop, 10_000)
    shop.owed(4_000)
    [application] = apply(note)
    undo(application)
    steps = AuditEntry.here().all(AuditEntry.subject_id == note.id, order_by=AuditEntry.id)
    assert [one.action for one in steps] == [
        "opened", "applied", "passed on", "applied to", "taken off", "passed on",
    ]  # fmt: skip


def test_credit_of_a_member_who_moved_pays_the_new_chapters_invoice_from_the_old_one(shop: Shop) -> None:
    note = note_of(shop, 10_000)
    beta = factories.make_chapter("BET", "Beta Chapter")
    with transaction():
        shop.member.chapter_id = beta.id
    invoice = shop.owed(10_000)
    assert invoice.chapter_id == beta.id
    apply(note)
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    assert shop.balance(Code.CREDIT_NOTES) == 0
