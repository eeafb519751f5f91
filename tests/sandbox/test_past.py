"""Payments of the past: there as if they had been made here, and told to nobody."""

import pytest
import stripe

from tests.sandbox.conftest import KEY
from tests.sandbox.control import SandboxControl

LAST_YEAR = 1_760_000_000


@pytest.mark.parametrize(
    ("instrument", "method", "fee"), [("success", "card", 1190), ("bank_waits", "us_bank_account", 320)]
)
def test_a_payment_of_the_past_can_be_read_and_refunded(
    client: stripe.StripeClient, control: SandboxControl, instrument: str, method: str, fee: int
) -> None:
    paid = {"amount": 400_00, "currency": "usd", "instrument": instrument, "created": LAST_YEAR}
    [made] = control.remember(KEY, paid | {"metadata": {"payment_id": "one"}})

    charge = client.v1.charges.retrieve(made["charge"], {"expand": ["balance_transaction"]})
    refund = client.v1.refunds.create({"payment_intent": made["payment_intent"], "amount": 100_00})

    assert (charge.status, charge.created, charge.payment_method_details.type) == (
        "succeeded",
        LAST_YEAR,
        method,
    )
    assert charge.metadata.to_dict() == {"payment_id": "one"}
    assert charge.balance_transaction.fee == fee
    assert (refund.charge, refund.amount) == (charge.id, 100_00)


def test_nobody_is_told_of_the_past(client: stripe.StripeClient, control: SandboxControl) -> None:
    control.remember(
        KEY,
        {"amount": 50_00, "currency": "usd", "instrument": "success", "created": LAST_YEAR, "metadata": {}},
    )

    assert client.v1.events.list().data == []
