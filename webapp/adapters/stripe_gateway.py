"""Stripe, by its own SDK. Amounts leave and arrive in Stripe's units; everything else speaks ours."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

import requests
import stripe
from stripe import StripeClient
from stripe._http_client import new_default_http_client
from stripe.checkout import Session

from webapp.adapters import stripe_disputes as disputes
from webapp.adapters import stripe_objects as objects
from webapp.adapters import stripe_on_file as on_file
from webapp.core import tally
from webapp.core.tally import Counted
from webapp.domain.payments.gateway import (
    CheckoutOrder,
    Evidence,
    GatewayBusy,
    GatewayRefused,
    GatewayUnavailable,
    HostedCheckout,
    Notice,
    ProcessorPayment,
    ProcessorRefund,
    RefundOrder,
)
from webapp.domain.payments.inbox import KINDS
from webapp.domain.payments.on_file import ChargeOrder, CustomerOrder, HostedSetup, MethodOnFile, SetupOrder

API_BASE, FILES_BASE = "https://api.stripe.com", "https://files.stripe.com"
TIMEOUT = 10
RETRIES = 1

T = TypeVar("T")


class StripeGateway:
    """One account. The client belongs to this object, never to the process."""

    def __init__(self, secret_key: str, *, api_base: str = API_BASE, timeout: float = TIMEOUT) -> None:
        self._client = StripeClient(
            secret_key,
            base_addresses={"api": api_base, "files": FILES_BASE if api_base == API_BASE else api_base},
            max_network_retries=RETRIES,
            http_client=new_default_http_client(timeout=timeout, session=_staying_here()),
        )

    def test_connection(self) -> str:
        account = _ask(self._client.v1.accounts.retrieve_current)
        return str(objects.field(objects.field(account, "business_profile"), "name") or account.id)

    def open_checkout(self, order: CheckoutOrder, *, idempotency_key: str) -> HostedCheckout:
        params = objects.session_params(order)
        options: stripe.RequestOptions = {"idempotency_key": idempotency_key}
        session = _ask(lambda: self._client.v1.checkout.sessions.create(params, options))
        return objects.hosted(session)

    def read_checkout(self, reference: str) -> HostedCheckout:
        return objects.hosted(
            _ask(
                lambda: self._client.v1.checkout.sessions.retrieve(reference, {"expand": ["payment_intent"]})
            )
        )

    def close_checkout(self, reference: str) -> HostedCheckout:
        with suppress(GatewayRefused):
            _ask(lambda: self._client.v1.checkout.sessions.expire(reference))
        return self.read_checkout(reference)

    def read_payment(self, reference: str) -> ProcessorPayment:
        expand = [
            "latest_charge.balance_transaction",
            "latest_charge.failure_balance_transaction",
            "latest_charge.refunds",
        ]
        intent = _ask(lambda: self._client.v1.payment_intents.retrieve(reference, {"expand": expand}))
        contested = _ask(lambda: disputes.of_intent(self._client, intent))
        return disputes.beside(objects.payment(intent), contested)

    def create_customer(self, order: CustomerOrder, *, idempotency_key: str) -> str:
        params = on_file.customer_params(order)
        options: stripe.RequestOptions = {"idempotency_key": idempotency_key}
        return _ask(lambda: self._client.v1.customers.create(params, options)).id

    def open_setup(self, order: SetupOrder, *, idempotency_key: str) -> HostedSetup:
        params = on_file.setup_params(order)
        options: stripe.RequestOptions = {"idempotency_key": idempotency_key}
        return on_file.setup(_ask(lambda: self._client.v1.checkout.sessions.create(params, options)))

    def read_setup(self, reference: str) -> HostedSetup:
        expand = ["setup_intent.payment_method"]
        return on_file.setup(
            _ask(lambda: self._client.v1.checkout.sessions.retrieve(reference, {"expand": expand}))
        )

    def read_method(self, reference: str) -> MethodOnFile:
        return on_file.method(_ask(lambda: self._client.v1.payment_methods.retrieve(reference)))

    def detach_method(self, reference: str) -> MethodOnFile:
        with suppress(GatewayRefused):
            _ask(lambda: self._client.v1.payment_methods.detach(reference))
        return self.read_method(reference)

    def charge_method(self, order: ChargeOrder, *, idempotency_key: str) -> ProcessorPayment:
        params = on_file.charge_params(order)
        options: stripe.RequestOptions = {"idempotency_key": idempotency_key}
        try:
            made = _ask(lambda: self._client.v1.payment_intents.create(params, options)).id
        except GatewayRefused as refusal:
            made = on_file.tried(refusal)
        return self.read_payment(made)

    def charges_of(self, customer_reference: str, since: datetime) -> Iterator[ProcessorPayment]:
        found = _ask(lambda: list(self._intents_of(customer_reference, since)))
        return iter([objects.payment(intent) for intent in reversed(found)])

    def _intents_of(self, customer_reference: str, since: datetime) -> Iterator[stripe.PaymentIntent]:
        page = self._client.v1.payment_intents.list(
            {"customer": customer_reference, "created": {"gte": int(since.timestamp())}, "limit": 100}
        )
        return page.auto_paging_iter()

    def answer_dispute(self, reference: str, evidence: Evidence, *, idempotency_key: str) -> None:
        _ask(lambda: disputes.answer(self._client, reference, evidence, idempotency_key))

    def accept_dispute(self, reference: str, *, idempotency_key: str) -> None:
        options: stripe.RequestOptions = {"idempotency_key": idempotency_key}
        _ask(lambda: self._client.v1.disputes.close(reference, None, options))

    def create_refund(self, order: RefundOrder, *, idempotency_key: str) -> ProcessorRefund:
        params = objects.refund_params(order)
        options: stripe.RequestOptions = {"idempotency_key": idempotency_key}
        return objects.refund(_ask(lambda: self._client.v1.refunds.create(params, options)))

    def read_refund(self, reference: str) -> ProcessorRefund:
        return objects.refund(_ask(lambda: self._client.v1.refunds.retrieve(reference)))

    def recent_checkouts(self, since: datetime) -> Iterator[HostedCheckout]:
        found = _ask(lambda: list(self._sessions(since)))
        return iter([objects.hosted(one) for one in reversed(found) if one.mode == "payment"])

    def _sessions(self, since: datetime) -> Iterator[Session]:
        page = self._client.v1.checkout.sessions.list(
            {"created": {"gte": int(since.timestamp())}, "limit": 100, "expand": ["data.payment_intent"]}
        )
        return page.auto_paging_iter()

    def recent_notices(self, since: datetime) -> Iterator[Notice]:
        found = _ask(lambda: list(self._events(since)))
        return iter([objects.notice(event.to_dict(for_json=True)) for event in reversed(found)])

    def _events(self, since: datetime) -> Iterator[stripe.Event]:
        page = self._client.v1.events.list(
            {"created": {"gte": int(since.timestamp())}, "types": sorted(KINDS), "limit": 100}
        )
        return page.auto_paging_iter()


def _staying_here() -> requests.Session:
    """No redirect leads the key anywhere else; one is a failure like any other."""
    session = requests.Session()
    session.max_redirects = 0
    return session


def _ask(call: Callable[[], T]) -> T:
    """Carry out a call; say in our words what went wrong: refused, or perhaps done and unanswered."""
    outcome = "answered"
    try:
        return call()
    except stripe.StripeError as error:
        refusal = _translated(error)
        outcome = "refused" if isinstance(refusal, GatewayRefused) else "unanswered"
        raise refusal from error
    finally:
        tally.count(Counted.PROCESSOR_CALL, "stripe", outcome)


def _translated(error: stripe.StripeError) -> GatewayRefused | GatewayUnavailable:
    if isinstance(error, stripe.AuthenticationError):
        return GatewayRefused("Stripe does not accept this secret key.")
    if isinstance(error, stripe.PermissionError):
        return GatewayRefused("Stripe says that this key may not do this.")
    if error.http_status == 409:  # another request with the same key, or for the same object, is under way
        return GatewayBusy()
    understood = isinstance(error, stripe.InvalidRequestError | stripe.CardError | stripe.IdempotencyError)
    if understood and error.http_status != 429:
        return GatewayRefused(f"Stripe refused this: {error.user_message or error}")
    return GatewayUnavailable()
