import pytest
import stripe

from tests.sandbox.conftest import client_with
from tests.sandbox.control import SandboxControl

AMOUNT = {"amount": 500, "currency": "usd"}


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("rate_limit", stripe.RateLimitError, 429),
        ("server_error", stripe.APIError, 500),
        ("malformed", stripe.APIError, 200),
    ],
)
def test_a_bad_day_ends_and_nothing_was_done(
    client: stripe.StripeClient,
    control: SandboxControl,
    kind: str,
    error: type[stripe.StripeError],
    status: int,
) -> None:
    control.fault(kind, count=2)
    for _ in range(2):
        with pytest.raises(error) as trouble:
            client.v1.payment_intents.create(AMOUNT)
        assert trouble.value.http_status == status
    assert client.v1.payment_intents.list().data == []
    assert client.v1.payment_intents.create(AMOUNT).status == "requires_payment_method"


@pytest.mark.parametrize("kind", ["server_error", "malformed"])
def test_an_answer_that_is_lost_is_found_again_with_the_same_key(
    client: stripe.StripeClient, control: SandboxControl, kind: str
) -> None:
    control.fault(kind, carried_out=True)
    with pytest.raises(stripe.APIError):
        client.v1.payment_intents.create(AMOUNT, {"idempotency_key": "charge-1"})
    found = client.v1.payment_intents.create(AMOUNT, {"idempotency_key": "charge-1"})
    assert [intent.id for intent in client.v1.payment_intents.list().data] == [found.id]


def test_a_timeout_after_success_is_one_charge(client: stripe.StripeClient, control: SandboxControl) -> None:
    hurried = client_with(control, "sk_test_chapters", http_client=stripe.RequestsClient(timeout=0.2))
    control.fault("slow", seconds=0.5, path="/v1/payment_intents", method="POST")
    params = AMOUNT | {"payment_method": "pm_card_visa", "confirm": True}
    with pytest.raises(stripe.APIConnectionError):
        hurried.v1.payment_intents.create(params, {"idempotency_key": "charge-1"})
    again = hurried.v1.payment_intents.create(params, {"idempotency_key": "charge-1"})
    assert again.status == "succeeded"
    assert len(client.v1.charges.list().data) == 1
    assert [one["replayed"] for one in control.requests("/v1/payment_intents", "POST")] == [0, 1]


def test_a_fault_can_be_meant_for_one_part_of_the_api(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    control.fault("server_error", path="/v1/refunds")
    assert client.v1.customers.create({"name": "A"}).name == "A"
    with pytest.raises(stripe.APIError):
        client.v1.refunds.list()
    control.fault("server_error")
    control.no_faults()
    assert client.v1.refunds.list().data == []
