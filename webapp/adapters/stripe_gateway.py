"""Stripe, by its own SDK. Amounts leave and arrive in Stripe's units; everything else speaks ours."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import requests
import stripe
from stripe import StripeClient
from stripe._http_client import new_default_http_client
from stripe.checkout import Session
from stripe.params.checkout import SessionCreateParams

from webapp.core import money, tally
from webapp.core.tally import Counted
from webapp.domain.payments.gateway import (
    ChargeState,
    CheckoutOrder,
    GatewayRefused,
    GatewayUnavailable,
    HostedCheckout,
    HostedState,
    Notice,
    ProcessorPayment,
    ProcessorRefund,
    SignatureRefused,
)
from webapp.domain.payments.inbox import KINDS

API_BASE = "https://api.stripe.com"
TIMEOUT = 10
RETRIES = 1
OLDEST, NEWEST = timedelta(minutes=5), timedelta(seconds=60)
"""How old a webhook's seal may be, and how far its clock may run ahead of ours."""

_ZERO_DECIMAL = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
_THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_METHODS = {"card": "card", "us_bank_account": "ach_debit"}
_INTENT_STATES = {
    "succeeded": ChargeState.SUCCEEDED,
    "processing": ChargeState.PROCESSING,
    "canceled": ChargeState.FAILED,
}
_KEPT = (
    "id",
    "object",
    "status",
    "payment_status",
    "payment_intent",
    "charge",
    "metadata",
    "currency",
    "amount",
    "amount_total",
    "amount_received",
    "amount_refunded",
)

T = TypeVar("T")


class StripeGateway:
    """One account. The client belongs to this object, never to the process."""

    def __init__(self, secret_key: str, *, api_base: str = API_BASE, timeout: float = TIMEOUT) -> None:
        self._client = StripeClient(
            secret_key,
            base_addresses={"api": api_base},
            max_network_retries=RETRIES,
            http_client=new_default_http_client(timeout=timeout, session=_staying_here()),
        )

    def test_connection(self) -> str:
        account = _ask(self._client.v1.accounts.retrieve_current)
        return str(_of(_of(account, "business_profile"), "name") or account.id)

    def open_checkout(self, order: CheckoutOrder, *, idempotency_key: str) -> HostedCheckout:
        params = _session_params(order)
        options: stripe.RequestOptions = {"idempotency_key": idempotency_key}
        session = _ask(lambda: self._client.v1.checkout.sessions.create(params, options))
        return _hosted(session)

    def read_checkout(self, reference: str) -> HostedCheckout:
        return _hosted(
            _ask(
                lambda: self._client.v1.checkout.sessions.retrieve(reference, {"expand": ["payment_intent"]})
            )
        )

    def close_checkout(self, reference: str) -> HostedCheckout:
        with suppress(GatewayRefused):
            _ask(lambda: self._client.v1.checkout.sessions.expire(reference))
        return self.read_checkout(reference)

    def read_payment(self, reference: str) -> ProcessorPayment:
        expand = ["latest_charge.balance_transaction", "latest_charge.refunds"]
        return _payment(_ask(lambda: self._client.v1.payment_intents.retrieve(reference, {"expand": expand})))

    def read_notice(self, body: bytes, signature: str, secret: str, *, now: datetime) -> Notice:
        _check_moment(signature, now)
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret)
            event = json.loads(body)
        except stripe.SignatureVerificationError as error:
            raise SignatureRefused from error
        except ValueError as error:
            raise SignatureRefused("This delivery can't be read.") from error
        if not _is_event(event):
            raise SignatureRefused("This delivery is not one of Stripe's events.")
        return _notice(event)

    def recent_checkouts(self, since: datetime) -> Iterator[HostedCheckout]:
        found = _ask(lambda: list(self._sessions(since)))
        return iter([_hosted(session) for session in reversed(found)])

    def _sessions(self, since: datetime) -> Iterator[Session]:
        page = self._client.v1.checkout.sessions.list(
            {"created": {"gte": int(since.timestamp())}, "limit": 100, "expand": ["data.payment_intent"]}
        )
        return page.auto_paging_iter()

    def recent_notices(self, since: datetime) -> Iterator[Notice]:
        found = _ask(lambda: list(self._events(since)))
        return iter([_notice(event.to_dict(for_json=True)) for event in reversed(found)])

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
    understood = isinstance(error, stripe.InvalidRequestError | stripe.CardError | stripe.IdempotencyError)
    if understood and error.http_status not in (409, 429):
        return GatewayRefused(f"Stripe refused this: {error.user_message or error}")
    return GatewayUnavailable()


def _session_params(order: CheckoutOrder) -> SessionCreateParams:
    metadata = dict(order.metadata)
    params: SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": order.currency.lower(),
                    "unit_amount": _to_stripe(order.amount, order.currency),
                    "product_data": {"name": order.description},
                },
            }
        ],
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "expires_at": int(order.expires_at.timestamp()),
        "client_reference_id": metadata.get("checkout_id", ""),
        "metadata": metadata,
        "payment_intent_data": {"description": order.description, "metadata": metadata},
    }
    if order.email:
        params["customer_email"] = order.email
    return params


def _hosted(session: Session) -> HostedCheckout:
    currency = (session.currency or "").upper()
    intent = session.payment_intent
    return HostedCheckout(
        reference=session.id,
        state=_page_state(session),
        url=session.url,
        expires_at=datetime.fromtimestamp(session.expires_at, UTC),
        amount=_from_stripe(session.amount_total or 0, currency),
        currency=currency,
        intent_reference=intent if isinstance(intent, str) or intent is None else intent.id,
        metadata=_plain(session.metadata),
    )


def _page_state(session: Session) -> HostedState:
    if session.status == "expired":
        return HostedState.EXPIRED
    if session.status != "complete":
        return HostedState.OPEN
    if session.payment_status != "unpaid":
        return HostedState.PAID
    intent = session.payment_intent
    if isinstance(intent, stripe.PaymentIntent) and intent.status in ("requires_payment_method", "canceled"):
        return HostedState.FAILED
    return HostedState.PROCESSING


def _payment(intent: stripe.PaymentIntent) -> ProcessorPayment:
    currency = intent.currency.upper()
    charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    details = charge.payment_method_details if charge else None
    balance = charge.balance_transaction if charge else None
    fee, fee_currency = None, None
    if isinstance(balance, stripe.BalanceTransaction):
        fee_currency = balance.currency.upper()
        fee = _from_stripe(balance.fee, fee_currency)
    error = intent.last_payment_error
    return ProcessorPayment(
        reference=intent.id,
        state=_INTENT_STATES.get(intent.status, ChargeState.WAITING),
        amount=_from_stripe(intent.amount, currency),
        currency=currency,
        method=_METHODS.get(details.type, "unknown") if details else "unknown",
        payer_detail=_payer_detail(details),
        charge_reference=charge.id if charge else None,
        fee=fee,
        fee_currency=fee_currency,
        failure_code=_of(error, "decline_code") or _of(error, "code"),
        failure_message=_of(error, "message"),
        refunded=_from_stripe(charge.amount_refunded, currency) if charge else 0,
        refunds=_refunds(charge, currency),
        metadata=_plain(intent.metadata),
    )


def _payer_detail(details: stripe.Charge.PaymentMethodDetails | None) -> str | None:
    if card := _of(details, "card"):
        return f"{(_of(card, 'brand') or 'card').capitalize()} •••• {_of(card, 'last4')}"
    if account := _of(details, "us_bank_account"):
        return f"{_of(account, 'bank_name') or 'Bank account'} •••• {_of(account, 'last4')}"
    return None


def _refunds(charge: stripe.Charge | None, currency: str) -> tuple[ProcessorRefund, ...]:
    listed: stripe.ListObject[stripe.Refund] | None = _of(charge, "refunds")
    refunds = listed.auto_paging_iter() if listed else ()
    return tuple(
        ProcessorRefund(
            reference=refund.id,
            amount=_from_stripe(refund.amount, currency),
            state=refund.status or "pending",
            created_at=datetime.fromtimestamp(refund.created, UTC),
        )
        for refund in sorted(refunds, key=lambda refund: (refund.created, refund.id))
    )


def _is_event(event: Any) -> bool:
    """A whole event with its object: not a thin one, and nothing else that happens to be JSON."""
    if not isinstance(event, dict) or event.get("object") != "event":
        return False
    subject = event["data"].get("object") if isinstance(event.get("data"), dict) else None
    texts = [event.get("id"), event.get("type"), subject.get("id") if isinstance(subject, dict) else None]
    return all(isinstance(text, str) and text for text in texts) and isinstance(event.get("created"), int)


def _notice(event: dict[str, Any]) -> Notice:
    subject = event["data"]["object"]
    return Notice(
        reference=event["id"],
        kind=event["type"],
        object_reference=subject["id"],
        happened_at=datetime.fromtimestamp(event["created"], UTC),
        payload={name: subject[name] for name in _KEPT if name in subject},
    )


def _check_moment(signature: str, now: datetime) -> None:
    """The SDK looks only backwards; a seal dated in the future was made to be used later."""
    stamps = [part[2:] for part in signature.split(",") if part.startswith("t=")]
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or len(stamps[0]) > 12:
        raise SignatureRefused
    made = int(stamps[0])
    if not now.timestamp() - OLDEST.total_seconds() <= made <= now.timestamp() + NEWEST.total_seconds():
        raise SignatureRefused("This delivery was sealed too long ago, or in the future.")


def _of(thing: Any, name: str) -> Any:
    """A field that Stripe may leave out: its objects raise where others would say None."""
    return getattr(thing, name, None)


def _plain(metadata: Any) -> dict[str, str]:
    return dict(metadata.to_dict()) if metadata else {}


def _digits(currency: str) -> int:
    return 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2


def _to_stripe(amount: int, currency: str) -> int:
    converted = money.to_decimal(amount, currency).scaleb(_digits(currency))
    if converted != int(converted):
        raise GatewayRefused(f"Stripe can't take so small a part of {currency}.")
    return int(converted)


def _from_stripe(amount: int, currency: str) -> int:
    converted = Decimal(amount).scaleb(money.precision(currency) - _digits(currency))
    if converted != int(converted):
        raise GatewayRefused(f"Stripe shows a part of {currency} that does not exist.")
    return int(converted)
