"""What every processor's adapter promises about methods that payers leave for later."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.contracts.test_gateway import gateway
from tests.sandbox.control import SandboxControl
from webapp.domain.payments.gateway import ChargeState, GatewayRefused, GatewayUnavailable, PaymentGateway
from webapp.domain.payments.on_file import (
    ChargeOrder,
    CustomerOrder,
    HostedSetup,
    MethodKind,
    SetupOrder,
    SetupState,
)

__all__ = ["gateway"]
NAMES = {"saved_method_id": "m-1", "organization_id": "o-1"}
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def left(gateway: PaymentGateway, sandbox: SandboxControl, instrument: str = "success") -> HostedSetup:
    """The page after somebody left this card or account on it."""
    page = gateway.open_setup(setup_for(a_customer(gateway)), idempotency_key="s1")
    assert page.url is not None and page.state is SetupState.OPEN and page.method is None
    sandbox.pay(page.url, instrument)
    return gateway.read_setup(page.reference)


def a_customer(gateway: PaymentGateway) -> str:
    ana = CustomerOrder("Ana Núñez", "ana@example.org", {"member_id": "a-1"})
    return gateway.create_customer(ana, idempotency_key="c1")


def setup_for(customer: str) -> SetupOrder:
    return SetupOrder(
        customer_reference=customer,
        currency="USD",
        success_url="http://localhost/done",
        cancel_url="http://localhost/back",
        expires_at=(datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0),
        metadata=NAMES,
    )


def charge_of(page: HostedSetup, amount: int = 10_000) -> ChargeOrder:
    assert page.method is not None and page.method.customer_reference is not None
    return ChargeOrder(
        customer_reference=page.method.customer_reference,
        method_reference=page.method.reference,
        amount=amount,
        currency="USD",
        description="Installment",
        metadata={"payment_id": "p-1"},
    )


def test_the_same_key_gives_the_same_customer_and_the_same_page(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    customers = {a_customer(gateway) for _ in range(2)}
    order = setup_for(customers.copy().pop())
    pages = {gateway.open_setup(order, idempotency_key="s1").reference for _ in range(2)}

    assert (len(customers), len(pages), len(sandbox.objects("checkout.session"))) == (1, 1, 1)


def test_a_card_that_was_left_is_known_by_its_looks(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    page = left(gateway, sandbox)

    assert (page.state, page.url, page.metadata) == (SetupState.DONE, None, NAMES)
    assert page.method == gateway.read_method(page.method.reference if page.method else "")
    assert page.method is not None and page.method.customer_reference == a_customer(gateway)
    looks = (page.method.kind, page.method.brand, page.method.last4, page.method.expires)
    assert looks == (MethodKind.CARD, "Visa", "4242", (2034, 12))


def test_a_bank_account_never_expires(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    method = left(gateway, sandbox, "bank_settles").method
    assert method is not None and (method.kind, method.expires) == (MethodKind.BANK_ACCOUNT, None)


def test_a_page_that_ran_out_has_no_method(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    page = gateway.open_setup(setup_for(a_customer(gateway)), idempotency_key="s1")
    sandbox.act(page.reference, "expiry")
    seen = gateway.read_setup(page.reference)
    assert (seen.state, seen.url, seen.method) == (SetupState.EXPIRED, None, None)


def test_a_page_for_leaving_a_method_is_none_to_pay_on(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    left(gateway, sandbox)
    assert list(gateway.recent_checkouts(LONG_AGO)) == []


def test_a_charge_takes_the_money_once_for_its_key_and_keeps_its_names(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    order = charge_of(left(gateway, sandbox))

    made = {gateway.charge_method(order, idempotency_key="i1").reference for _ in range(2)}
    charged = gateway.charge_method(order, idempotency_key="i1")

    assert made == {charged.reference} and len(sandbox.objects("payment_intent")) == 1
    assert (charged.state, charged.amount, charged.method) == (ChargeState.SUCCEEDED, 10_000, "card")
    assert charged.metadata == {"payment_id": "p-1"} and charged.fee is not None
    [found] = gateway.charges_of(order.customer_reference, LONG_AGO)
    assert (found.reference, found.metadata) == (charged.reference, charged.metadata)


@pytest.mark.parametrize(
    ("instrument", "code"),
    [("declined_later", "generic_decline"), ("authentication", "authentication_required")],
)
def test_a_decline_is_an_answer_and_says_which(
    gateway: PaymentGateway, sandbox: SandboxControl, instrument: str, code: str
) -> None:
    declined = gateway.charge_method(charge_of(left(gateway, sandbox, instrument)), idempotency_key="i1")
    assert (declined.state, declined.failure_code) == (ChargeState.WAITING, code)


def test_a_bank_debit_is_under_way_first(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    order = charge_of(left(gateway, sandbox, "bank_waits"))
    assert gateway.charge_method(order, idempotency_key="i1").state is ChargeState.PROCESSING


def test_what_was_detached_is_charged_no_more(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    page = left(gateway, sandbox)
    assert page.method is not None

    let_go = [gateway.detach_method(page.method.reference) for _ in range(2)]

    assert [one.customer_reference for one in let_go] == [None, None]
    with pytest.raises(GatewayRefused):
        gateway.charge_method(charge_of(page), idempotency_key="i1")


def test_a_charge_whose_answer_comes_too_late_was_made_all_the_same(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    order = charge_of(left(gateway, sandbox))
    sandbox.fault("slow", method="POST", path="/v1/payment_intents", seconds=3, count=2)
    with pytest.raises(GatewayUnavailable):
        gateway.charge_method(order, idempotency_key="i1")
    sandbox.no_faults()

    again = gateway.charge_method(order, idempotency_key="i1")

    assert [one["id"] for one in sandbox.objects("payment_intent")] == [again.reference]
