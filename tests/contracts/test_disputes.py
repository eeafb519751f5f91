"""What every processor's adapter says of disputes and returned debits, and how it answers them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from tests.processor import SECRET_KEY
from tests.sandbox.control import SandboxControl
from webapp.adapters.stripe_gateway import StripeGateway
from webapp.domain.payments.gateway import (
    ChargeState,
    CheckoutOrder,
    DisputeKind,
    DisputeState,
    Evidence,
    GatewayRefused,
    PaymentGateway,
    ProcessorDispute,
    ProcessorPayment,
)

EVIDENCE = Evidence(
    name="Ana Núñez",
    email="ana@example.org",
    address="1 Main Street\nSpringfield",
    service="Membership dues, Fall 2026",
    service_date="2026-09-01",
    statement="Ana paid her dues on our page, and used the membership since.",
    records=b"%PDF-1.7 the records",
)
Read = Callable[[], ProcessorPayment]


@pytest.fixture
def gateway(sandbox: SandboxControl) -> PaymentGateway:
    return StripeGateway(SECRET_KEY, api_base=sandbox.url, timeout=5)


def paid(gateway: PaymentGateway, sandbox: SandboxControl, instrument: str = "success") -> Read:
    """A payment of 400.00 that came in; call the answer to read it again."""
    order = CheckoutOrder(
        amount=40_000,
        currency="USD",
        description="Invoice 2026-000123",
        email=None,
        success_url="http://localhost/done",
        cancel_url="http://localhost/back",
        expires_at=(datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0),
        metadata={"checkout_id": "c-1"},
    )
    page = gateway.open_checkout(order, idempotency_key="k1")
    sandbox.pay(str(page.url), instrument)
    intent = str(gateway.read_checkout(page.reference).intent_reference)
    if instrument == "bank_waits":
        sandbox.act(intent, "settlement")
    return lambda: gateway.read_payment(intent)


def act(sandbox: SandboxControl, action: str, **values: Any) -> dict[str, Any]:
    return sandbox.act(sandbox.objects("charge")[0]["id"], action, **values)


def only(payment: ProcessorPayment) -> ProcessorDispute:
    [dispute] = payment.disputes
    return dispute


def test_an_open_dispute_names_its_amount_fee_reason_and_deadline(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    read = paid(gateway, sandbox)
    assert read().disputes == ()
    act(sandbox, "dispute", reason="duplicate", amount=15_000)
    dispute = only(read())
    assert (dispute.kind, dispute.state) == (DisputeKind.CHARGEBACK, DisputeState.NEEDS_RESPONSE)
    assert (dispute.amount, dispute.currency, dispute.reason) == (15_000, "USD", "duplicate")
    assert [(one.amount, one.fee) for one in dispute.movements] == [(15_000, 1_500)]
    assert dispute.answer_by is not None and dispute.answer_by > datetime.now(UTC)


def test_a_won_dispute_shows_both_movements(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    read = paid(gateway, sandbox)
    sandbox.act(act(sandbox, "dispute")["id"], "win", fee_returned=True)
    dispute = only(read())
    assert dispute.state is DisputeState.WON
    assert [(one.amount, one.fee) for one in dispute.movements] == [(40_000, 1_500), (-40_000, -1_500)]


@pytest.mark.parametrize(
    ("actions", "state", "movements"),
    [
        ([], DisputeState.INQUIRY, 0),
        (["escalation"], DisputeState.NEEDS_RESPONSE, 1),
        (["win"], DisputeState.INQUIRY_CLOSED, 0),
        (["escalation", "loss"], DisputeState.LOST, 1),
        (["escalation", "loss", "appeal"], DisputeState.UNDER_REVIEW, 1),
    ],
)
def test_an_inquiry_takes_its_course(
    gateway: PaymentGateway,
    sandbox: SandboxControl,
    actions: list[str],
    state: DisputeState,
    movements: int,
) -> None:
    read = paid(gateway, sandbox)
    inquiry = act(sandbox, "dispute", inquiry=True)["id"]
    for action in actions:
        sandbox.act(inquiry, action)
    assert (only(read()).state, len(only(read()).movements)) == (state, movements)


@pytest.mark.parametrize("told_as", ["return", "failure"])
def test_a_bank_debit_that_came_back_had_come_in_whichever_way_it_is_told(
    gateway: PaymentGateway, sandbox: SandboxControl, told_as: str
) -> None:
    read = paid(gateway, sandbox, "bank_waits")
    act(sandbox, told_as)
    payment = read()
    assert (payment.state, payment.method, payment.fee) == (ChargeState.SUCCEEDED, "ach_debit", 320)
    dispute = only(payment)
    assert (dispute.kind, dispute.state) == (DisputeKind.RETURNED_DEBIT, DisputeState.LOST)
    assert dispute.reason == "insufficient_funds"
    assert [one.amount for one in dispute.movements] == [40_000]


def test_evidence_is_handed_in_once_with_the_records_as_a_file(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    read = paid(gateway, sandbox)
    act(sandbox, "dispute")
    for _ in range(2):
        gateway.answer_dispute(only(read()).reference, EVIDENCE, idempotency_key="answer-1")
    dispute = only(read())
    assert (dispute.state, dispute.answers) == (DisputeState.UNDER_REVIEW, 1)
    [file] = sandbox.objects("file")
    assert (file["filename"], file["purpose"], file["type"]) == ("records.pdf", "dispute_evidence", "pdf")
    told = sandbox.objects("dispute")[0]["evidence"]
    assert (told["customer_name"], told["uncategorized_file"]) == ("Ana Núñez", file["id"])
    assert told["uncategorized_text"] == EVIDENCE.statement


def test_a_dispute_is_accepted_once_and_a_closed_one_takes_no_answer(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    read = paid(gateway, sandbox)
    act(sandbox, "dispute")
    reference = only(read()).reference
    for _ in range(2):
        gateway.accept_dispute(reference, idempotency_key="answer-1")
    assert only(read()).state is DisputeState.LOST
    with pytest.raises(GatewayRefused):
        gateway.answer_dispute(reference, EVIDENCE, idempotency_key="answer-2")


def test_an_inquiry_leaves_a_payment_refundable_and_a_dispute_does_not(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    paid(gateway, sandbox)
    charge = sandbox.objects("charge")[0]["id"]
    inquiry = act(sandbox, "dispute", inquiry=True)["id"]
    direct = stripe.StripeClient(SECRET_KEY, base_addresses={"api": sandbox.url})
    direct.v1.refunds.create({"charge": charge, "amount": 1_000})
    sandbox.act(inquiry, "escalation")
    with pytest.raises(stripe.InvalidRequestError):
        direct.v1.refunds.create({"charge": charge, "amount": 1_000})
