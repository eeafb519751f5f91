import threading
from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import client_with, event_types, open_session
from tests.sandbox.control import SandboxControl, eventually

AMOUNT = {"amount": 500, "currency": "usd"}


def keyed(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key}


def test_the_same_key_and_parameters_get_the_saved_answer(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    first = client.v1.payment_intents.create(AMOUNT, keyed("once"))
    again = client.v1.payment_intents.create(AMOUNT, keyed("once"))
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Original-Request"] == first.last_response.request_id
    assert again.last_response.request_id != first.last_response.request_id
    assert event_types(client) == ["payment_intent.created"]


def test_the_same_key_with_other_parameters_is_refused(client: stripe.StripeClient) -> None:
    client.v1.payment_intents.create(AMOUNT, keyed("once"))
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refusal:
        client.v1.payment_intents.create(AMOUNT | {"amount": 600}, keyed("once"))
    assert refusal.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.customers.create({}, keyed("once"))


def test_a_decline_is_replayed_until_the_attempt_gets_a_new_key(client: stripe.StripeClient) -> None:
    params: dict[str, Any] = AMOUNT | {"payment_method": "pm_card_visa_chargeDeclined", "confirm": True}
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.create(params, keyed("attempt-1"))
    assert len(client.v1.charges.list().data) == 1
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create(params | {"payment_method": "pm_card_visa"}, keyed("attempt-1"))
    paid = client.v1.payment_intents.create(params | {"payment_method": "pm_card_visa"}, keyed("attempt-2"))
    assert paid.status == "succeeded"


def test_a_refusal_after_execution_began_is_saved(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    session = open_session(client)
    client.v1.checkout.sessions.expire(session.id)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            client.v1.checkout.sessions.expire(session.id, None, keyed("late"))
    assert refusal.value.headers["Idempotent-Replayed"] == "true"


def test_a_request_that_does_not_fit_the_description_is_not_saved(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create(AMOUNT | {"colour": "red"}, keyed("typo"))
    assert client.v1.payment_intents.create(AMOUNT, keyed("typo")).status == "requires_payment_method"


def test_two_at_once_with_one_key_are_one_effect_and_a_conflict(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    control.fault("slow", seconds=0.3, carried_out=False)
    first = threading.Thread(target=lambda: client.v1.payment_intents.create(AMOUNT, keyed("twice")))
    first.start()
    eventually(lambda: len(control.requests("/v1/payment_intents")) == 1)
    with pytest.raises(stripe.StripeError) as refusal:
        client.v1.payment_intents.create(AMOUNT, keyed("twice"))
    first.join()
    assert (refusal.value.http_status, refusal.value.json_body["error"]["code"]) == (
        409,
        "idempotency_key_in_use",
    )
    assert len(client.v1.payment_intents.list().data) == 1


def test_keys_are_forgotten_after_a_day(client: stripe.StripeClient, control: SandboxControl) -> None:
    first = client.v1.payment_intents.create(AMOUNT, keyed("daily"))
    control.advance(24 * 3600 - 60)
    assert client.v1.payment_intents.create(AMOUNT, keyed("daily")).id == first.id
    control.advance(120)
    assert client.v1.payment_intents.create(AMOUNT, keyed("daily")).id != first.id


def test_keys_have_at_most_255_characters(client: stripe.StripeClient) -> None:
    assert client.v1.payment_intents.create(AMOUNT, keyed("k" * 255)).id
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        client.v1.payment_intents.create(AMOUNT, keyed("k" * 256))


def test_keys_belong_to_one_account(control: SandboxControl) -> None:
    ours, theirs = client_with(control, "sk_test_ours"), client_with(control, "sk_test_theirs")
    one = ours.v1.payment_intents.create(AMOUNT, keyed("same"))
    assert theirs.v1.payment_intents.create(AMOUNT, keyed("same")).id != one.id
