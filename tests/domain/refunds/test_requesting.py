from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.domain.refunds.conftest import Desk
from tests.processor import Shop, fresh
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid, NotAllowed, Refusal
from webapp.domain.approvals import ApprovalRequest, ApprovalState, NotWhatWasApproved
from webapp.domain.billing.invoice import Invoice, InvoiceStatus
from webapp.domain.ledger import Code
from webapp.domain.organizations import Member, RoleName, roles
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds.refund import How, Refund, RefundState

SetCap = Callable[[int], None]


def state_of(refund: Refund) -> RefundState:
    found: Refund = fresh(Refund, refund.id)
    return found.state


def test_a_refund_within_the_cap_goes_to_the_processor_and_into_the_books(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 5_000)
    assert (asked.approval, state_of(asked.refund)) == (None, RefundState.RELEASED)
    assert fresh(Payment, payment.id).reserved == 5_000
    shop.work()
    assert state_of(asked.refund) is RefundState.SUCCEEDED
    assert [made["amount"] for made in shop.sandbox.objects("refund")] == [5_000]
    back = fresh(Payment, payment.id)
    assert (back.returned, back.reserved, back.allocated) == (5_000, 0, 35_000)
    settled = fresh(Invoice, invoice.id)
    assert (settled.status, settled.refunded, settled.owed) == (InvoiceStatus.REFUNDED, 5_000, 0)
    assert shop.balance(Code.REFUNDS) == 5_000


def test_a_refund_that_reinstates_the_debt_lets_the_member_owe_it_again(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    desk.ask(invoice, payment, 5_000, reinstates_debt=True)
    shop.work()
    owed = fresh(Invoice, invoice.id)
    assert (owed.status, owed.paid, owed.refunded, owed.owed) == (InvoiceStatus.PARTIAL, 35_000, 0, 5_000)
    assert shop.balance(Code.REFUNDS) == 0
    assert shop.balance(Code.RECEIVABLE) == 5_000


def test_a_refund_by_check_is_in_the_books_at_once(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 4_000, how=How.CHECK, check_number="2041")
    assert state_of(asked.refund) is RefundState.SUCCEEDED
    assert shop.balance(Code.BANK) == -4_000
    shop.work()
    assert shop.sandbox.objects("refund") == []


def test_a_check_that_came_in_goes_back_by_check_alone(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.record(invoice, 40_000)
    with pytest.raises(Invalid) as refused:
        desk.ask(invoice, payment, 1_000)
    assert set(refused.value.fields) == {"how"}
    desk.ask(invoice, payment, 1_000, how=How.CHECK)
    assert shop.balance(Code.BANK) == 39_000


def test_several_refunds_come_to_what_was_paid_and_not_more(shop: Shop, free_hand: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    free_hand.ask(invoice, payment, 15_000)
    free_hand.ask(invoice, payment, 25_000)
    with pytest.raises(Invalid) as refused:
        free_hand.ask(invoice, payment, 1)
    assert "Nothing of this payment can go back" in refused.value.fields["amount"]
    shop.work()
    assert fresh(Payment, payment.id).returned == 40_000
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.REFUNDED


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": 40_001}, "amount"),
        ({"amount": 100, "how": How.CHECK, "check_number": " "}, "check_number"),
    ],
)
def test_what_can_not_be_done_is_said_at_its_field(
    shop: Shop, desk: Desk, changes: dict[str, Any], field: str
) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    with pytest.raises(Invalid) as refused:
        desk.ask(invoice, payment, **changes)
    assert field in refused.value.fields
    assert Refund.here().all() == []


def test_three_refunds_of_40_do_not_slip_under_a_cap_of_50(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = [desk.ask(invoice, payment, 4_000) for _ in range(3)]
    assert [one.approval is not None for one in asked] == [False, True, True]
    shop.work()
    assert fresh(Payment, payment.id).returned == 4_000
    assert fresh(Payment, payment.id).reserved == 8_000


def test_the_cap_counts_each_officer_and_each_invoice_by_itself(shop: Shop, desk: Desk) -> None:
    one, other = shop.owed(), shop.owed()
    first, second = shop.paid(one), shop.paid(other)
    assert desk.ask(one, first, 5_000).approval is None
    assert desk.ask(other, second, 5_000).approval is None
    assert desk.ask(one, first, 5_000, by=desk.admin).approval is None
    assert desk.ask(one, first, 100).approval is not None


def test_a_denied_refund_and_one_that_failed_use_nothing_of_the_cap(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    desk.deny(desk.ask(invoice, payment, 6_000))
    shop.sandbox.settings(refund_course="pending_then_failed", refund_delay=None)
    assert desk.ask(invoice, payment, 5_000).approval is None
    shop.work()
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    assert desk.ask(invoice, payment, 5_000).approval is None


def test_a_refund_over_the_cap_waits_and_moves_nothing_until_somebody_else_approves_it(
    shop: Shop, desk: Desk
) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 6_000)
    shop.work()
    assert state_of(asked.refund) is RefundState.REQUESTED
    assert shop.sandbox.objects("refund") == []
    assert (fresh(Payment, payment.id).returned, fresh(Payment, payment.id).reserved) == (0, 6_000)
    desk.approve(asked)
    shop.work()
    released = fresh(Refund, asked.refund.id)
    assert (released.state, released.released_by_id) == (RefundState.SUCCEEDED, desk.admin.id)
    assert fresh(Payment, payment.id).returned == 6_000


@pytest.mark.case("F15")
def test_whoever_asked_can_not_release_it_not_even_in_the_database(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 6_000, by=desk.admin)
    with pytest.raises(NotAllowed):
        desk.approve(asked, by=desk.admin)
    with pytest.raises(NotAllowed), transaction():
        Refund.here().get(asked.refund.id, lock=True).release(by=desk.admin)
    with pytest.raises(IntegrityError, match="four_eyes"), transaction():
        Refund.here().get(asked.refund.id, lock=True).released_by_id = desk.admin.id


@pytest.mark.case("F15")
def test_the_cap_is_read_when_the_refund_is_made(shop: Shop, desk: Desk, set_cap: SetCap) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    set_cap(1_000)
    assert desk.ask(invoice, payment, 4_000).approval is not None


@pytest.mark.case("F15")
def test_the_refund_of_somebody_who_lost_the_role_is_not_made(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 6_000)
    with transaction():
        [role] = [role for role in roles.of(desk.treasurer) if role.role is RoleName.TREASURER]
        roles.remove(role, by=None)
    with pytest.raises(Conflict, match="may not ask for it any more"):
        desk.approve(asked)
    assert state_of(asked.refund) is RefundState.REQUESTED


def test_nobody_refunds_the_own_payment_alone(shop: Shop, desk: Desk) -> None:
    factories.make_role(desk.treasurer, RoleName.MEMBER, member=fresh(Member, shop.member_id))
    with transaction():
        Member.here().get(shop.member_id).login_id = desk.treasurer.id
    invoice = shop.owed()
    payment = shop.paid(invoice)
    assert desk.ask(invoice, payment, 100).approval is not None


@pytest.mark.case("K30")
def test_a_refund_changed_after_it_was_asked_for_is_not_made(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 6_000)
    with transaction():
        Refund.here().get(asked.refund.id, lock=True).reinstates_debt = True
    with pytest.raises(NotWhatWasApproved):
        desk.approve(asked)
    shop.work()
    assert shop.sandbox.objects("refund") == []


def test_a_denied_refund_lets_the_money_go_and_says_why(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 40_000)
    desk.deny(asked)
    refund = fresh(Refund, asked.refund.id)
    assert (refund.state, refund.note) == (RefundState.DENIED, "Not agreed")
    assert fresh(Payment, payment.id).reserved == 0


@pytest.mark.case("K26")
@pytest.mark.case("K27")
def test_refunding_in_three_parts_comes_to_the_whole_and_does_nothing_else(
    shop: Shop, free_hand: Desk
) -> None:
    invoice = shop.owed(10_000)
    payment = shop.paid(invoice)
    for part in (3_334, 3_333, 3_333):
        free_hand.ask(invoice, payment, part, reinstates_debt=True)
    shop.work()
    assert fresh(Payment, payment.id).returned == 10_000
    assert fresh(Invoice, invoice.id).owed == 10_000
    assert [one.id for one in Invoice.here().all()] == [invoice.id]
    assert shop.balance(Code.RECEIVABLE) == 10_000


@pytest.mark.case("F16")
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(amounts=st.lists(st.integers(1, 25_000), min_size=8, max_size=8))
def test_eight_officers_at_once_never_give_back_more_than_was_paid(
    app: Flask, shop: Shop, free_hand: Desk, amounts: list[int]
) -> None:
    """Some through the processor, some by check, and one request over the cap holds its part as well."""
    db.session.rollback()
    shop.sandbox.reset()
    invoice = shop.owed()
    payment = shop.paid(invoice)
    begin = Barrier(8)
    made: list[int] = []

    def give_back(position: int, amount: int) -> None:
        with app.app_context(), tenancy.acting_for(shop.organization.id):
            how = How.CHECK if position % 3 == 0 else How.ORIGINAL
            begin.wait()
            try:
                free_hand.ask(invoice, payment, amount, how=how)
                made.append(amount)
            except Refusal:
                pass
            finally:
                db.session.remove()

    threads = [Thread(target=give_back, args=one) for one in enumerate(amounts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = fresh(Payment, payment.id)
    assert held.returned + held.reserved == sum(made) <= 40_000
    assert all(sum(made) + amount > 40_000 for amount in _refused(amounts, made))
    shop.work()
    assert fresh(Payment, payment.id).returned == sum(made)
    assert fresh(Invoice, invoice.id).refunded == sum(made)
    factories.verify_books(shop.organization)


def _refused(amounts: list[int], made: list[int]) -> list[int]:
    left = list(amounts)
    for amount in made:
        left.remove(amount)
    return left


@pytest.mark.case("F16")
def test_the_database_itself_refuses_more_than_came_in(shop: Shop) -> None:
    payment = shop.paid(shop.owed())
    with pytest.raises(IntegrityError, match="never_gives_back_more_than_came_in"), transaction():
        Payment.here().get(payment.id, lock=True).reserved = 40_001


def test_a_request_that_the_processors_own_refund_overtakes_gives_way(shop: Shop, desk: Desk) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 30_000)
    shop.refund(40_000)
    shop.hear()
    assert state_of(asked.refund) is RefundState.WITHDRAWN
    assert fresh(Payment, payment.id).returned == 40_000
    with pytest.raises(Conflict, match="refunded at the processor meanwhile"):
        desk.approve(asked)
    assert fresh(ApprovalRequest, _id(asked.approval)).state is ApprovalState.WITHDRAWN


def _id(request: ApprovalRequest | None) -> UUID:
    assert request is not None
    return request.id


@pytest.mark.case("F24")
@pytest.mark.case("K13")
@pytest.mark.parametrize("asked_before", [False, True])
def test_a_disputed_payment_is_refunded_by_nobody(shop: Shop, desk: Desk, asked_before: bool) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    waiting = desk.ask(invoice, payment, 6_000) if asked_before else None
    shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    shop.hear()
    with pytest.raises(Conflict, match="disputes this payment"):
        desk.approve(waiting) if waiting else desk.ask(invoice, payment, 1_000)
    shop.work()
    assert shop.sandbox.objects("refund") == []


@pytest.mark.case("F16")
@pytest.mark.case("F24")
def test_a_dispute_that_overtakes_a_refund_on_its_way_leaves_the_money_to_one_of_them(
    shop: Shop, desk: Desk
) -> None:
    """Released, and then disputed before the processor was asked: it refuses, and nothing goes back twice."""
    invoice = shop.owed()
    payment = shop.paid(invoice)
    asked = desk.ask(invoice, payment, 5_000)
    shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    shop.work()
    assert state_of(asked.refund) is RefundState.FAILED
    shop.hear()
    assert shop.sandbox.objects("refund") == []
    assert fresh(Payment, payment.id).returned == 0
