from uuid import UUID

import pytest

from tests.domain.refunds.conftest import Desk
from tests.processor import TODAY, Shop, fresh
from webapp.core.db import transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin, open_note
from webapp.domain.ledger import Code, Event, JournalEntry, Side
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds.deciding import Asked
from webapp.domain.refunds.refund import How, Refund, RefundState
from webapp.domain.refunds.releasing import release_of
from webapp.domain.refunds.requesting import Terms


def paid_twice(shop: Shop, amount: int = 4_000) -> tuple[Payment, CreditNote]:
    """Online, for an invoice that a check has settled meanwhile: all of it is a credit note."""
    invoice = shop.owed(amount)
    checkout = shop.open(invoice)
    payment_id = checkout.payment_id
    shop.pay(checkout)
    shop.record(invoice, amount)
    shop.hear()
    return fresh(Payment, payment_id), note_of(payment_id)


def note_of(payment_id: UUID) -> CreditNote:
    [note] = CreditNote.here().all(CreditNote.payment_id == payment_id, CreditNote.remaining > 0)
    return note


def release(desk: Desk, note: CreditNote, amount: int, how: How = How.ORIGINAL) -> Asked:
    terms = Terms(amount, how, "Paid twice", check_number="2041" if how is How.CHECK else None)
    with transaction():
        return release_of(note.id, terms, by=desk.treasurer, on=TODAY)


def test_a_credit_note_goes_back_through_the_processor_its_money_came_by(shop: Shop, desk: Desk) -> None:
    payment, note = paid_twice(shop)
    asked = release(desk, note, 4_000)
    assert fresh(CreditNote, note.id).state is CreditState.HELD
    shop.work()
    assert fresh(Refund, asked.refund.id).state is RefundState.SUCCEEDED
    assert fresh(CreditNote, note.id).state is CreditState.RELEASED
    back = fresh(Payment, payment.id)
    assert (back.credited, back.returned, back.reserved) == (0, 4_000, 0)
    assert [made["amount"] for made in shop.sandbox.objects("refund")] == [4_000]
    assert shop.balance(Code.CREDIT_NOTES) == 0
    assert len(JournalEntry.here().all(JournalEntry.event == Event.CREDIT_NOTE_RELEASED)) == 1


def test_what_is_not_asked_for_of_a_note_is_a_new_note(shop: Shop, desk: Desk) -> None:
    payment, note = paid_twice(shop)
    release(desk, note, 1_500, How.CHECK)
    rest = note_of(payment.id)
    assert (rest.amount, rest.parent_id, rest.origin) == (2_500, note.id, Origin.REMAINDER)
    assert shop.balance(Code.CREDIT_NOTES) == 2_500
    assert fresh(Payment, payment.id).returned == 1_500


def test_parts_of_one_note_count_together_against_the_cap(shop: Shop, desk: Desk) -> None:
    payment, note = paid_twice(shop, 20_000)
    assert release(desk, note, 4_000, How.CHECK).approval is None
    asked = release(desk, note_of(payment.id), 4_000, How.CHECK)
    assert asked.approval is not None
    assert asked.refund.state is RefundState.REQUESTED
    desk.approve(asked)
    assert fresh(Refund, asked.refund.id).state is RefundState.SUCCEEDED
    assert shop.balance(Code.CREDIT_NOTES) == 12_000


@pytest.mark.case("K10")
def test_a_note_that_waits_to_go_back_is_used_by_nobody_else(shop: Shop, desk: Desk) -> None:
    _, note = paid_twice(shop, 20_000)
    asked = release(desk, note, 20_000)
    with pytest.raises(Conflict, match="waiting to be given back"):
        release(desk, note, 100)
    desk.deny(asked)
    assert fresh(CreditNote, note.id).state is CreditState.OPEN
    assert release(desk, note, 100).approval is None


def test_a_release_that_fails_leaves_a_note_of_the_same_amount(shop: Shop, desk: Desk) -> None:
    shop.sandbox.settings(refund_course="succeeded_then_failed", refund_delay=None)
    payment, note = paid_twice(shop)
    release(desk, note, 4_000)
    shop.work()
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    again = note_of(payment.id)
    assert (again.amount, again.origin) == (4_000, Origin.FAILED_REFUND)
    assert (fresh(Payment, payment.id).returned, fresh(Payment, payment.id).credited) == (0, 4_000)
    assert shop.balance(Code.CREDIT_NOTES) == 4_000


def test_a_release_that_fails_under_way_lets_the_note_go(shop: Shop, desk: Desk) -> None:
    shop.sandbox.settings(refund_course="pending_then_failed", refund_delay=None)
    payment, note = paid_twice(shop)
    release(desk, note, 4_000)
    shop.work()
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    assert fresh(CreditNote, note.id).state is CreditState.OPEN
    assert fresh(Payment, payment.id).reserved == 0


def test_a_note_whose_money_was_refunded_at_the_processor_meanwhile_goes_back_once(
    shop: Shop, desk: Desk
) -> None:
    payment, note = paid_twice(shop, 20_000)
    asked = release(desk, note, 20_000)
    shop.refund(20_000)
    shop.hear()
    assert fresh(Refund, asked.refund.id).state is RefundState.WITHDRAWN
    assert fresh(Payment, payment.id).returned == 20_000
    assert shop.balance(Code.CREDIT_NOTES) == 0


@pytest.mark.parametrize(
    ("amount", "how", "field"), [(0, How.ORIGINAL, "amount"), (4_001, How.ORIGINAL, "amount")]
)
def test_what_can_not_go_back_is_said_at_its_field(
    shop: Shop, desk: Desk, amount: int, how: How, field: str
) -> None:
    _, note = paid_twice(shop)
    with pytest.raises(Invalid) as refused:
        release(desk, note, amount, how)
    assert field in refused.value.fields


def test_goodwill_goes_back_by_check(shop: Shop, desk: Desk) -> None:
    with transaction():
        note = goodwill(shop)
    with pytest.raises(Invalid) as refused:
        release(desk, note, 1_000)
    assert set(refused.value.fields) == {"how"}
    release(desk, note, 1_000, How.CHECK)
    assert fresh(CreditNote, note.id).state is CreditState.RELEASED
    assert (shop.balance(Code.BANK), shop.balance(Code.CREDIT_NOTES)) == (-1_000, 0)


def goodwill(shop: Shop) -> CreditNote:
    member = shop.member
    return open_note(
        member.id,
        member.chapter_id,
        1_000,
        "USD",
        origin=Origin.GOODWILL,
        against=Side(Code.WAIVERS, member.chapter_id),
        on=TODAY,
        by=None,
        description="Goodwill",
        reason="The hall was cold",
    )
