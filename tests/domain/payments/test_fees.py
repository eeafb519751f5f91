import pytest

from tests import factories
from tests.processor import TODAY, Shop, fresh
from webapp.core.audit import AuditEntry
from webapp.core.db import transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import only
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.credits.applying import apply
from webapp.domain.credits.credit_note import CreditNote, CreditState
from webapp.domain.ledger import Code, Event, Move, PostingBlocked, Side, post
from webapp.domain.payments import fees, receiving
from webapp.domain.payments.gateway import ChargeState, ProcessorPayment
from webapp.domain.payments.payment import FeeState, Payment


def seen(payment: Payment, fee: int, currency: str = "USD") -> ProcessorPayment:
    return ProcessorPayment(
        reference="pi_seen", state=ChargeState.SUCCEEDED, amount=payment.amount, currency=payment.currency,
        method="card", payer_detail=None, charge_reference="ch_seen", fee=fee, fee_currency=currency,
        failure_code=None, failure_message=None, refunded=0, refunds=(), metadata={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fee", "currency", "sentence"),
    [
        (100, "EUR", "The fee is in EUR, the payment in USD."),
        (-1, "USD", "The fee is negative."),
        (40_001, "USD", "The fee of $400.01 is more than the payment itself."),
    ],
)
def test_a_fee_that_makes_no_sense_holds_the_payment(
    shop: Shop, fee: int, currency: str, sentence: str
) -> None:
    payment = waiting(shop)
    with transaction():
        payment = Payment.here().get(payment.id, lock=True)
        fees.take_note(payment, seen(payment, fee, currency))
    held = fresh(Payment, payment.id)
    assert (held.fee_state, held.fee_error, held.received_on) == (FeeState.FAILED, sentence, None)


def test_a_person_confirms_the_fee_and_the_payment_is_booked(shop: Shop) -> None:
    payment, admin = waiting(shop), factories.make_admin()
    confirm(shop, payment, 1_200, admin)
    booked = fresh(Payment, payment.id)
    assert (booked.fee_state, booked.fee, booked.allocated) == (FeeState.CONFIRMED, 1_200, 40_000)
    assert shop.balance(Code.BANK_CHARGES) == 1_200
    [entry] = AuditEntry.here().all(AuditEntry.action == "confirm_fee")
    assert (entry.by_name, entry.reason) == ("Nora Admin", "Read in the dashboard")


def test_a_confirmed_fee_is_not_confirmed_again(shop: Shop) -> None:
    payment, admin = waiting(shop), factories.make_admin()
    confirm(shop, payment, 1_200, admin)
    with pytest.raises(Conflict):
        confirm(shop, payment, 1_300, admin)
    assert fresh(Payment, payment.id).fee == 1_200


@pytest.mark.parametrize("fee", [-1, 40_001])
def test_a_person_can_t_confirm_an_impossible_fee(shop: Shop, fee: int) -> None:
    payment, admin = waiting(shop), factories.make_admin()
    with pytest.raises(Invalid):
        confirm(shop, payment, fee, admin)


def test_the_books_refuse_a_payment_whose_fee_is_not_confirmed(shop: Shop) -> None:
    payment = waiting(shop)
    clearing = Side(Code.PROCESSOR_CLEARING, shop.chapter_id)
    kept = Side(Code.UNAPPLIED_RECEIPTS, shop.chapter_id, shop.member_id)
    with pytest.raises(PostingBlocked) as blocked, transaction():
        post(
            Event.PAYMENT_RECEIVED,
            source=Payment.here().get(payment.id, lock=True),
            moves=[Move(40_000, clearing, kept)],
            on=TODAY,
            by=None,
            description="Too early",
        )
    assert "fee_is_confirmed" in blocked.value.guards


def test_the_fee_that_arrives_after_a_person_confirmed_changes_nothing(shop: Shop) -> None:
    payment, admin = waiting(shop), factories.make_admin()
    confirm(shop, payment, 1_200, admin)
    shop.sandbox.act(shop.latest("charge")["id"], "fee")
    shop.hear()
    shop.work_later()
    assert fresh(Payment, payment.id).fee == 1_200


def test_credit_left_over_settles_another_invoice(shop: Shop) -> None:
    first, second = shop.owed(), shop.owed(30_000)
    shop.record(first, 50_000)
    [note] = CreditNote.here().all()
    with transaction():
        apply(note.id, only(second), on=TODAY, by=None)
    assert fresh(CreditNote, note.id).state is CreditState.APPLIED
    assert fresh(Invoice, second.id).status is InvoiceStatus.PARTIAL
    assert shop.balance(Code.CREDIT_NOTES) == 0


def waiting(shop: Shop) -> Payment:
    """A payment that came in and whose fee the processor has not said."""
    shop.sandbox.settings(fee_delay=None)
    return shop.paid(shop.owed())


def confirm(shop: Shop, payment: Payment, fee: int, admin: factories.Login) -> None:
    with transaction():
        held = receiving.hold(payment.id)
        fees.confirm_by_hand(held.payment, fee, reason="Read in the dashboard", by=admin)
        receiving.receive_if_ready(held, on=shop.organization.today, by=admin)
