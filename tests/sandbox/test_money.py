"""Fees, refunds, off-session charges and disputes."""

import pytest
import stripe

from tests.sandbox.conftest import event_types, open_session, paid_charge
from tests.sandbox.control import SandboxControl
from webapp.sandbox.fees import fee_of


@pytest.mark.parametrize(
    ("method", "amount", "fee"),
    [
        ("card", 5000, 175), ("card", 50, 31), ("card", 10_017, 320), ("card", 10_018, 321),
        ("card", 1_000_000, 29_030),
        ("us_bank_account", 5000, 40), ("us_bank_account", 62, 0), ("us_bank_account", 63, 1),
        ("us_bank_account", 62_500, 500), ("us_bank_account", 1_000_000, 500),
    ],
)  # fmt: skip
def test_the_fee_is_rounded_half_up(method: str, amount: int, fee: int) -> None:
    assert fee_of(method, amount) == fee


def test_the_fee_stands_in_the_balance_transaction(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    charge = paid_charge(client, control, 5000)
    money = client.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert (money.amount, money.fee, money.net, money.type, money.source) == (
        5000,
        175,
        4825,
        "charge",
        charge.id,
    )
    assert [detail.amount for detail in money.fee_details] == [175]


def test_the_fee_may_come_later(client: stripe.StripeClient, control: SandboxControl) -> None:
    control.settings(fee_delay=60)
    charge = paid_charge(client, control)
    assert charge.balance_transaction is None
    control.advance(61)
    known = client.v1.charges.retrieve(charge.id, {"expand": ["balance_transaction"]})
    assert known.balance_transaction.fee == 175
    assert event_types(client)[-1] == "charge.updated"
    control.settings(fee_delay=None)
    second = paid_charge(client, control)
    control.act(second.id, "fee")
    assert client.v1.charges.retrieve(second.id).balance_transaction is not None


def test_a_charge_is_refunded_in_parts_and_never_over(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    charge = paid_charge(client, control, 5000)
    part = client.v1.refunds.create({"charge": charge.id, "amount": 2000, "metadata": {"refund": "r1"}})
    assert (part.status, part.amount, part.payment_intent) == ("succeeded", 2000, charge.payment_intent)
    assert client.v1.charges.retrieve(charge.id).refunded is False
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"charge": charge.id, "amount": 3001})
    rest = client.v1.refunds.create({"payment_intent": charge.payment_intent})
    assert rest.amount == 3000
    whole = client.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (whole.amount_refunded, whole.refunded, len(whole.refunds.data)) == (5000, True, 2)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": charge.id})
    assert refusal.value.code == "charge_already_refunded"
    assert event_types(client).count("charge.refunded") == 2


def test_the_fee_of_a_refunded_charge_is_not_returned(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    charge = paid_charge(client, control, 5000)
    refund = client.v1.refunds.create({"charge": charge.id}, {"expand": ["balance_transaction"]})
    money = client.v1.balance_transactions.retrieve(refund.balance_transaction)
    assert (money.amount, money.fee, money.type) == (-5000, 0, "refund")
    assert [each.amount for each in client.v1.balance.retrieve().available] == [-175]


def test_a_pending_refund_ends_one_way_or_the_other(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    charge = paid_charge(client, control, 5000)
    control.settings(refund_course="pending_then_succeeded", refund_delay=60)
    good = client.v1.refunds.create({"charge": charge.id, "amount": 1000})
    control.settings(refund_course="pending_then_failed")
    bad = client.v1.refunds.create({"charge": charge.id, "amount": 2000})
    assert (good.status, bad.status) == ("pending", "pending")
    control.advance(61)
    assert client.v1.refunds.retrieve(good.id).status == "succeeded"
    failed = client.v1.refunds.retrieve(bad.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert failed.failure_balance_transaction is not None
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 1000
    assert event_types(client)[-1] == "refund.failed"


def test_a_refund_that_succeeded_can_still_fail(client: stripe.StripeClient, control: SandboxControl) -> None:
    charge = paid_charge(client, control, 5000, "refund_fails")
    refund = client.v1.refunds.create({"charge": charge.id})
    assert refund.status == "succeeded"
    control.act(refund.id, "failure")
    assert client.v1.refunds.retrieve(refund.id).status == "failed"
    assert client.v1.charges.retrieve(charge.id).refunded is False


def test_money_that_has_not_come_cannot_go_back(client: stripe.StripeClient, control: SandboxControl) -> None:
    charge = paid_charge(client, control, 5000, "bank_waits")
    with pytest.raises(stripe.InvalidRequestError, match="has not been paid"):
        client.v1.refunds.create({"charge": charge.id})


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("pm_card_authenticationRequired", "authentication_required"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "lost_card"),
    ],
)
def test_a_saved_card_is_charged_or_refused_while_nobody_is_there(
    client: stripe.StripeClient, token: str, code: str
) -> None:
    customer = client.v1.customers.create({"email": "member@example.org"})
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    bad = client.v1.payment_methods.attach(token, {"customer": customer.id})
    params = {
        "amount": 2500,
        "currency": "usd",
        "customer": customer.id,
        "confirm": True,
        "off_session": True,
    }
    paid = client.v1.payment_intents.create(params | {"payment_method": good.id})
    assert (paid.status, paid.amount_received) == ("succeeded", 2500)
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_intents.create(params | {"payment_method": bad.id})
    error = refusal.value.error
    assert (refusal.value.http_status, error.decline_code) == (402, code)
    assert error.payment_intent.status == "requires_payment_method"
    assert client.v1.payment_intents.retrieve(error.payment_intent.id).last_payment_error.decline_code == code


def test_a_saved_card_can_go_bad(client: stripe.StripeClient, control: SandboxControl) -> None:
    customer = client.v1.customers.create({"email": "member@example.org"})
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    control.act(card.id, "instrument", instrument="expired_card")
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_intents.create(
            {"amount": 2500, "currency": "usd", "customer": customer.id, "payment_method": card.id,
             "confirm": True, "off_session": True}
        )  # fmt: skip
    assert refusal.value.code == "expired_card"


def test_an_intent_of_its_own_can_be_cancelled_once(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert refusal.value.code == "payment_intent_unexpected_state"


def test_a_dispute_takes_the_money_and_a_fee_and_blocks_refunds(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    charge = paid_charge(client, control, 5000)
    opened = control.act(charge.id, "dispute", reason="product_not_received")
    dispute = client.v1.disputes.retrieve(opened["id"])
    assert (dispute.status, dispute.amount) == ("needs_response", 5000)
    assert [(money.amount, money.fee) for money in dispute.balance_transactions] == [(-5000, 1500)]
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": charge.id})
    assert refusal.value.code == "charge_disputed"
    answered = client.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "A. Member"}})
    assert (answered.status, answered.evidence.customer_name) == ("under_review", "A. Member")
    control.act(dispute.id, "win")
    won = client.v1.disputes.retrieve(dispute.id)
    assert (won.status, [money.net for money in won.balance_transactions]) == ("won", [-6500, 5000])
    assert [type for type in event_types(client) if "dispute" in type] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_a_dispute_is_lost_or_accepted_and_an_inquiry_moves_nothing(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    lost = control.act(paid_charge(client, control).id, "dispute")
    control.act(lost["id"], "loss")
    assert client.v1.disputes.retrieve(lost["id"]).status == "lost"
    inquiry = control.act(paid_charge(client, control).id, "dispute", inquiry=True)
    assert (inquiry["status"], inquiry["balance_transactions"]) == ("warning_needs_response", [])
    accepted = control.act(paid_charge(client, control).id, "dispute")
    assert client.v1.disputes.close(accepted["id"]).status == "lost"


def test_the_dispute_card_is_paid_and_then_disputed(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    session = open_session(client)
    assert control.pay(session.url, "dispute").status == 303
    assert client.v1.disputes.list().data[0].reason == "fraudulent"
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
