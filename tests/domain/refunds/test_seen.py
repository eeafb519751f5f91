from collections.abc import Callable
from typing import Any

import pytest

from tests import factories
from tests.processor import Shop, fresh
from webapp.core.audit import AuditEntry
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Chapter, Member, RoleName
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.refunds.refund import Refund, RefundState


def test_a_refund_made_at_the_processor_is_booked_once(shop: Shop) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    shop.refund(10_000)
    shop.hear()
    for event in shop.events("charge.refunded"):
        shop.deliver(event)
    shop.work()
    [refund] = Refund.here().all()
    assert (refund.amount, refund.state) == (10_000, RefundState.SUCCEEDED)
    back = fresh(Payment, payment.id)
    assert (back.allocated, back.returned, back.credited) == (30_000, 10_000, 0)
    settled = fresh(Invoice, invoice.id)
    assert (settled.status, settled.refunded, settled.owed) == (InvoiceStatus.REFUNDED, 10_000, 0)
    assert shop.balance(Code.REFUNDS) == 10_000
    assert shop.balance(Code.PROCESSOR_CLEARING) == 40_000 - 1_190 - 10_000


def test_two_partial_refunds_are_two_rows(shop: Shop) -> None:
    payment = shop.paid(shop.owed())
    shop.refund(10_000)
    shop.refund(30_000)
    shop.hear()
    assert sorted(refund.amount for refund in Refund.here().all()) == [10_000, 30_000]
    assert fresh(Payment, payment.id).returned == 40_000
    assert Allocation.here().all(Allocation.undone_at.is_(None)) == []


@pytest.mark.case("K13")
def test_refunding_the_duplicate_leaves_the_good_payment_alone(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    payment_id = checkout.payment_id
    shop.pay(checkout)
    check = shop.record(invoice, 40_000)
    shop.hear()
    shop.refund(40_000)
    shop.hear()
    duplicate = fresh(Payment, payment_id)
    assert (duplicate.returned, duplicate.credited) == (40_000, 0)
    assert fresh(Payment, check.id).allocated == 40_000
    settled = fresh(Invoice, invoice.id)
    assert (settled.status, settled.refunded) == (InvoiceStatus.PAID, 0)
    assert shop.balance(Code.CREDIT_NOTES) == 0
    assert shop.balance(Code.REFUNDS) == 0


@pytest.mark.case("K12")
def test_a_refund_under_way_moves_nothing_until_the_processor_has_done_it(shop: Shop) -> None:
    shop.sandbox.settings(refund_course="pending_then_succeeded", refund_delay=None)
    payment = shop.paid(shop.owed())
    shop.refund(10_000)
    shop.hear()
    [refund] = Refund.here().all()
    assert refund.state is RefundState.PENDING
    assert fresh(Payment, payment.id).returned == 0
    assert "refund_arrived" not in shop.announced()
    shop.sandbox.act(shop.latest("refund")["id"], "settlement")
    shop.hear()
    assert "refund_arrived" in shop.announced()
    assert fresh(Refund, refund.id).state is RefundState.SUCCEEDED
    assert fresh(Payment, payment.id).returned == 10_000


@pytest.mark.case("K12")
def test_a_refund_that_failed_under_way_moves_nothing(shop: Shop) -> None:
    shop.sandbox.settings(refund_course="pending_then_failed", refund_delay=None)
    payment = shop.paid(shop.owed())
    shop.refund(10_000)
    shop.hear()
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    [refund] = Refund.here().all()
    assert refund.state is RefundState.FAILED
    assert fresh(Payment, payment.id).allocated == 40_000
    assert "refund_arrived" not in shop.announced() and "refund_failed" in shop.announced()


@pytest.mark.case("K12")
@pytest.mark.case("F23")
@pytest.mark.parametrize("kept_as_credit", [0, 5_000])
def test_a_refund_that_fails_days_later_is_taken_back_out_of_the_books(
    shop: Shop, kept_as_credit: int
) -> None:
    shop.sandbox.settings(refund_course="succeeded_then_failed", refund_delay=None)
    invoice = shop.owed()
    checkout = shop.open(invoice)
    payment_id = checkout.payment_id
    shop.pay(checkout)
    if kept_as_credit:
        shop.record(invoice, kept_as_credit)
    shop.hear()
    shop.refund(10_000)
    shop.hear()
    assert fresh(Payment, payment_id).returned == 10_000
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    shop.hear()
    [refund] = Refund.here().all()
    assert refund.state is RefundState.FAILED
    payment = fresh(Payment, payment_id)
    assert (payment.returned, payment.allocated) == (0, 40_000 - kept_as_credit)
    settled = fresh(Invoice, invoice.id)
    assert (settled.status, settled.refunded) == (InvoiceStatus.PAID, 0)
    assert shop.balance(Code.REFUNDS) == 0
    assert shop.balance(Code.CREDIT_NOTES) == kept_as_credit


def test_a_refund_before_the_fee_is_known_is_booked_with_the_payment(shop: Shop) -> None:
    shop.sandbox.settings(fee_delay=None)
    payment = shop.paid(shop.owed())
    shop.refund(40_000)
    shop.hear()
    assert Refund.here().all() == []
    charge = shop.latest("charge")
    shop.sandbox.act(charge["id"], "fee")
    shop.hear()
    assert fresh(Payment, payment.id).returned == 40_000


@pytest.mark.case("F23")
@pytest.mark.parametrize("course", ["succeeded_then_failed", "pending_then_failed"])
def test_a_refund_that_fails_is_told_once_to_the_member_and_the_treasurer_and_waits_until_handled(
    shop: Shop, course: str, sign_in: Callable[..., Any]
) -> None:
    treasurer = factories.make_login("Tom Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=fresh(Chapter, shop.chapter_id))
    factories.make_admin()
    shop.sandbox.settings(refund_course=course, refund_delay=None)
    payment = shop.paid(shop.owed())
    shop.refund(10_000)
    shop.hear()
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    shop.hear()
    shop.work()
    told = Mail.here().all(Mail.kind == MailKind.REFUND_FAILED)
    assert sorted(mail.recipient for mail in told) == sorted(
        [str(treasurer.email), str(fresh(Member, payment.member_id).email)]
    )
    sign_in(shop.client, treasurer)
    here = f"/o/{shop.organization.slug}/chapters/{fresh(Chapter, shop.chapter_id).code}"
    assert "1 refund did not arrive · $100.00" in shop.client.get(f"{here}/").text
    assert "$100.00" in shop.client.get(f"{here}/refunds/failed/").text
    [refund] = Refund.here().all()
    for _ in range(2):
        assert shop.client.post(f"{here}/refunds/{refund.id}/failure-handling").status_code == 303
    assert "did not arrive ·" not in shop.client.get(f"{here}/").text
    assert len(AuditEntry.here().all(AuditEntry.action == "refund failure handled")) == 1


def test_without_a_treasurer_the_national_admins_hear_of_a_failed_refund(shop: Shop) -> None:
    admin = factories.make_admin()
    shop.sandbox.settings(refund_course="pending_then_failed", refund_delay=None)
    shop.paid(shop.owed())
    shop.refund(10_000)
    shop.hear()
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    shop.work()
    told = Mail.here().all(Mail.kind == MailKind.REFUND_FAILED)
    assert str(admin.email) in {mail.recipient for mail in told}


def test_a_treasurer_handles_no_failed_refund_of_another_chapter(
    shop: Shop, sign_in: Callable[..., Any]
) -> None:
    shop.sandbox.settings(refund_course="pending_then_failed", refund_delay=None)
    shop.paid(shop.owed())
    shop.refund(10_000)
    shop.hear()
    shop.sandbox.act(shop.latest("refund")["id"], "failure")
    shop.hear()
    other = factories.make_chapter("BET", "Beta Chapter")
    treasurer = factories.make_login("Bea Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=other)
    sign_in(shop.client, treasurer)
    [refund] = Refund.here().all()
    here = f"/o/{shop.organization.slug}/chapters/BET"
    assert shop.client.post(f"{here}/refunds/{refund.id}/failure-handling").status_code == 404
    assert "$100.00" not in shop.client.get(f"{here}/refunds/failed/").text
    assert fresh(Refund, refund.id).failure_handled_at is None
