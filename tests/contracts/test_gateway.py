"""What every processor's adapter promises. Stripe's is asked over HTTP, as its description demands."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from tests.processor import SECRET_KEY
from tests.sandbox.control import SandboxControl
from webapp.adapters.stripe_gateway import StripeGateway
from webapp.domain.payments.gateway import (
    ChargeState,
    CheckoutOrder,
    GatewayRefused,
    GatewayUnavailable,
    HostedCheckout,
    HostedState,
    PaymentGateway,
    RefundOrder,
)

NAMES = {"checkout_id": "c-1", "organization_id": "o-1"}


@pytest.fixture(params=["stripe"])
def gateway(request: pytest.FixtureRequest, sandbox: SandboxControl) -> PaymentGateway:
    adapters: dict[str, Callable[[], PaymentGateway]] = {
        "stripe": lambda: StripeGateway(SECRET_KEY, api_base=sandbox.url, timeout=2)
    }
    return adapters[request.param]()


def order(
    amount: int = 40_000, currency: str = "USD", email: str | None = "ana@example.org"
) -> CheckoutOrder:
    return CheckoutOrder(
        amount=amount,
        currency=currency,
        description="Invoice 2026-000123",
        email=email,
        success_url="http://localhost/done",
        cancel_url="http://localhost/back",
        expires_at=(datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0),
        metadata=NAMES,
    )


def test_the_connection_names_the_account(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    sandbox.name_account(SECRET_KEY, "Pi Chi Fraternity")
    assert gateway.test_connection() == "Pi Chi Fraternity"


def test_a_wrong_key_is_refused_in_words(sandbox: SandboxControl) -> None:
    with pytest.raises(GatewayRefused, match="secret key"):
        StripeGateway("sk_wrong", api_base=sandbox.url).test_connection()


def test_an_opened_page_is_open_and_has_an_address(gateway: PaymentGateway) -> None:
    wanted = order()
    page = gateway.open_checkout(wanted, idempotency_key="k1")
    assert page.state is HostedState.OPEN and page.url
    assert (page.amount, page.currency, page.expires_at) == (40_000, "USD", wanted.expires_at)
    assert page.metadata == NAMES
    assert gateway.read_checkout(page.reference) == page


def test_nobody_s_mail_address_is_fine_too(gateway: PaymentGateway) -> None:
    assert gateway.open_checkout(order(email=None), idempotency_key="k1").url


def test_the_same_key_gives_the_same_page(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    wanted = order()
    pages = {gateway.open_checkout(wanted, idempotency_key="k1").reference for _ in range(3)}
    assert len(pages) == len(sandbox.objects("checkout.session")) == 1


def test_the_same_key_for_another_order_is_refused(gateway: PaymentGateway) -> None:
    gateway.open_checkout(order(), idempotency_key="k1")
    with pytest.raises(GatewayRefused):
        gateway.open_checkout(order(39_999), idempotency_key="k1")


@pytest.mark.parametrize(
    ("amount", "currency"), [(40_000, "USD"), (4_000, "JPY"), (12_340, "KWD"), (40_000, "EUR")]
)
def test_amounts_survive_the_way_there_and_back(
    gateway: PaymentGateway, sandbox: SandboxControl, amount: int, currency: str
) -> None:
    page = paid(gateway, sandbox, order(amount, currency))
    payment = gateway.read_payment(str(page.intent_reference))
    assert (page.amount, page.currency) == (payment.amount, payment.currency) == (amount, currency)


def test_a_paid_page_leads_to_its_payment_with_fee_and_names(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    page = paid(gateway, sandbox, order())
    assert (page.state, page.url) == (HostedState.PAID, None)
    payment = gateway.read_payment(str(page.intent_reference))
    assert (payment.state, payment.method) == (ChargeState.SUCCEEDED, "card")
    assert (payment.fee, payment.fee_currency) == (1_190, "USD")
    assert payment.metadata == NAMES
    assert payment.refunds == ()


def test_a_fee_that_is_not_known_yet_is_a_normal_answer(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    sandbox.settings(fee_delay=None)
    page = paid(gateway, sandbox, order())
    assert gateway.read_payment(str(page.intent_reference)).fee is None


def test_a_declined_card_leaves_the_page_open(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    page = paid(gateway, sandbox, order(), "insufficient_funds")
    assert page.state is HostedState.OPEN
    payment = gateway.read_payment(str(page.intent_reference))
    assert (payment.state, payment.failure_code) == (ChargeState.WAITING, "insufficient_funds")
    assert payment.failure_message


@pytest.mark.parametrize(
    ("ending", "page_state", "state"),
    [
        ("settlement", HostedState.PAID, ChargeState.SUCCEEDED),
        ("failure", HostedState.FAILED, ChargeState.WAITING),
    ],
)
def test_a_bank_debit_is_under_way_and_then_settles_or_comes_back(
    gateway: PaymentGateway,
    sandbox: SandboxControl,
    ending: str,
    page_state: HostedState,
    state: ChargeState,
) -> None:
    page = paid(gateway, sandbox, order(), "bank_waits")
    assert page.state is HostedState.PROCESSING
    intent = str(page.intent_reference)
    assert gateway.read_payment(intent).state is ChargeState.PROCESSING
    sandbox.act(intent, ending)
    assert gateway.read_checkout(page.reference).state is page_state
    assert gateway.read_payment(intent).state is state


def refund_of(page: HostedCheckout, amount: int, currency: str = "USD") -> RefundOrder:
    return RefundOrder(str(page.intent_reference), amount, currency, {"refund_id": "r-1"})


@pytest.mark.parametrize(("amount", "currency"), [(40_000, "USD"), (4_000, "JPY"), (12_340, "KWD")])
def test_a_refund_gives_back_so_much_and_keeps_its_name(
    gateway: PaymentGateway, sandbox: SandboxControl, amount: int, currency: str
) -> None:
    page = paid(gateway, sandbox, order(amount, currency))
    refund = gateway.create_refund(refund_of(page, amount, currency), idempotency_key="r1")
    assert (refund.amount, refund.state, refund.metadata) == (amount, "succeeded", {"refund_id": "r-1"})
    assert gateway.read_refund(refund.reference) == refund
    assert gateway.read_payment(str(page.intent_reference)).refunds == (refund,)


def test_the_same_key_gives_the_same_refund_and_another_one_a_second(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    page = paid(gateway, sandbox, order())
    wanted = refund_of(page, 10_000)
    same = {gateway.create_refund(wanted, idempotency_key="r1").reference for _ in range(3)}
    assert len(same) == len(sandbox.objects("refund")) == 1
    assert gateway.create_refund(wanted, idempotency_key="r2").reference not in same
    with pytest.raises(GatewayRefused):
        gateway.create_refund(refund_of(page, 10_001), idempotency_key="r1")


def test_more_than_is_left_is_refused(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    page = paid(gateway, sandbox, order())
    gateway.create_refund(refund_of(page, 30_000), idempotency_key="r1")
    with pytest.raises(GatewayRefused):
        gateway.create_refund(refund_of(page, 10_001), idempotency_key="r2")


@pytest.mark.parametrize(("ending", "state"), [("settlement", "succeeded"), ("failure", "failed")])
def test_a_refund_under_way_ends_one_way_or_the_other(
    gateway: PaymentGateway, sandbox: SandboxControl, ending: str, state: str
) -> None:
    sandbox.settings(refund_course="pending_then_succeeded", refund_delay=None)
    page = paid(gateway, sandbox, order())
    refund = gateway.create_refund(refund_of(page, 10_000), idempotency_key="r1")
    assert (refund.state, refund.failure) == ("pending", None)
    sandbox.act(refund.reference, ending)
    ended = gateway.read_refund(refund.reference)
    assert ended.state == state
    assert (ended.failure is not None) is (state == "failed")


def test_a_refund_whose_answer_comes_too_late_was_made_all_the_same(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    page = paid(gateway, sandbox, order())
    sandbox.fault("slow", method="POST", path="/v1/refunds", seconds=3, count=2)
    with pytest.raises(GatewayUnavailable):
        gateway.create_refund(refund_of(page, 10_000), idempotency_key="r1")
    sandbox.no_faults()
    again = gateway.create_refund(refund_of(page, 10_000), idempotency_key="r1")
    assert [one["id"] for one in sandbox.objects("refund")] == [again.reference]


def test_a_closed_page_can_not_be_paid(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    page = gateway.open_checkout(order(), idempotency_key="k1")
    closed = gateway.close_checkout(page.reference)
    assert (closed.state, closed.url) == (HostedState.EXPIRED, None)
    assert gateway.close_checkout(page.reference) == closed


@pytest.mark.case("K28")
def test_closing_can_lose_the_race(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    page = paid(gateway, sandbox, order())
    assert gateway.close_checkout(page.reference).state is HostedState.PAID


def test_refunds_are_seen_with_the_payment(gateway: PaymentGateway, sandbox: SandboxControl) -> None:
    page = paid(gateway, sandbox, order())
    direct = stripe.StripeClient(SECRET_KEY, base_addresses={"api": sandbox.url})
    for amount in (1_000, 2_000):
        direct.v1.refunds.create({"payment_intent": str(page.intent_reference), "amount": amount})
    payment = gateway.read_payment(str(page.intent_reference))
    assert payment.refunded == 3_000
    assert sorted((refund.amount, refund.state) for refund in payment.refunds) == [
        (1_000, "succeeded"),
        (2_000, "succeeded"),
    ]


@pytest.mark.case("F22")
@pytest.mark.parametrize("fault", ["rate_limit", "server_error", "malformed", "slow"])
def test_a_bad_day_of_the_processor_is_no_refusal(
    gateway: PaymentGateway, sandbox: SandboxControl, fault: str
) -> None:
    sandbox.fault(fault, count=2, seconds=3)
    with pytest.raises(GatewayUnavailable):
        gateway.test_connection()


@pytest.mark.case("F22")
def test_nobody_there_is_no_refusal() -> None:
    with pytest.raises(GatewayUnavailable):
        StripeGateway(SECRET_KEY, api_base="http://127.0.0.1:9", timeout=1).test_connection()


def test_an_unknown_reference_is_refused(gateway: PaymentGateway) -> None:
    with pytest.raises(GatewayRefused):
        gateway.read_checkout("cs_test_nobody")


def test_recent_notices_are_the_ones_we_react_to_oldest_first(
    gateway: PaymentGateway, sandbox: SandboxControl
) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    paid(gateway, sandbox, order())
    kinds = [notice.kind for notice in gateway.recent_notices(began)]
    assert kinds == ["payment_intent.succeeded", "checkout.session.completed"]
    assert list(gateway.recent_notices(began + timedelta(hours=1))) == []


def paid(
    gateway: PaymentGateway, sandbox: SandboxControl, wanted: CheckoutOrder, instrument: str = "success"
) -> HostedCheckout:
    """The page after somebody used it with this card or account."""
    page = gateway.open_checkout(wanted, idempotency_key="k1")
    assert page.url is not None
    sandbox.pay(page.url, instrument)
    return gateway.read_checkout(page.reference)
