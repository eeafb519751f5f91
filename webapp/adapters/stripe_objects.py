"""Stripe's objects and ours: each in the words of the other. Amounts change their units on the way."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import stripe
from stripe.checkout import Session
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from webapp.core import money
from webapp.domain.payments.gateway import (
    ChargeState,
    CheckoutOrder,
    GatewayRefused,
    HostedCheckout,
    HostedState,
    Notice,
    ProcessorPayment,
    ProcessorRefund,
    RefundOrder,
)

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
    "customer",
    "metadata",
    "currency",
    "amount",
    "amount_total",
    "amount_received",
    "amount_refunded",
)


def session_params(order: CheckoutOrder) -> SessionCreateParams:
    metadata = dict(order.metadata)
    params: SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": order.currency.lower(),
                    "unit_amount": to_stripe(order.amount, order.currency),
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


def hosted(session: Session) -> HostedCheckout:
    currency = (session.currency or "").upper()
    intent = session.payment_intent
    return HostedCheckout(
        reference=session.id,
        state=_page_state(session),
        url=session.url,
        expires_at=datetime.fromtimestamp(session.expires_at, UTC),
        amount=from_stripe(session.amount_total or 0, currency),
        currency=currency,
        intent_reference=intent if isinstance(intent, str) or intent is None else intent.id,
        metadata=plain(session.metadata),
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


def payment(intent: stripe.PaymentIntent) -> ProcessorPayment:
    currency = intent.currency.upper()
    charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    details = charge.payment_method_details if charge else None
    balance = charge.balance_transaction if charge else None
    fee, fee_currency = None, None
    if isinstance(balance, stripe.BalanceTransaction):
        fee_currency = balance.currency.upper()
        fee = from_stripe(balance.fee, fee_currency)
    error = intent.last_payment_error
    return ProcessorPayment(
        reference=intent.id,
        state=_INTENT_STATES.get(intent.status, ChargeState.WAITING),
        amount=from_stripe(intent.amount, currency),
        currency=currency,
        method=_METHODS.get(details.type, "unknown") if details else "unknown",
        payer_detail=_payer_detail(details),
        charge_reference=charge.id if charge else None,
        fee=fee,
        fee_currency=fee_currency,
        failure_code=field(error, "decline_code") or field(error, "code"),
        failure_message=field(error, "message"),
        refunded=from_stripe(charge.amount_refunded, currency) if charge else 0,
        refunds=_refunds(charge),
        metadata=plain(intent.metadata),
    )


def _payer_detail(details: stripe.Charge.PaymentMethodDetails | None) -> str | None:
    if card := field(details, "card"):
        return f"{(field(card, 'brand') or 'card').capitalize()} •••• {field(card, 'last4')}"
    if account := field(details, "us_bank_account"):
        return f"{field(account, 'bank_name') or 'Bank account'} •••• {field(account, 'last4')}"
    return None


def _refunds(charge: stripe.Charge | None) -> tuple[ProcessorRefund, ...]:
    listed: stripe.ListObject[stripe.Refund] | None = field(charge, "refunds")
    refunds = listed.auto_paging_iter() if listed else ()
    return tuple(refund(one) for one in sorted(refunds, key=lambda one: (one.created, one.id)))


def refund_params(order: RefundOrder) -> RefundCreateParams:
    return {
        "payment_intent": order.payment_reference,
        "amount": to_stripe(order.amount, order.currency),
        "metadata": dict(order.metadata),
    }


def refund(made: stripe.Refund) -> ProcessorRefund:
    reason = field(made, "failure_reason")
    return ProcessorRefund(
        reference=made.id,
        amount=from_stripe(made.amount, made.currency.upper()),
        state=made.status or "pending",
        created_at=datetime.fromtimestamp(made.created, UTC),
        failure=f"The bank's reason: {reason.replace('_', ' ')}." if reason else None,
        metadata=plain(made.metadata),
    )


def is_event(event: Any) -> bool:
    """A whole event with its object: not a thin one, and nothing else that happens to be JSON."""
    if not isinstance(event, dict) or event.get("object") != "event":
        return False
    subject = event["data"].get("object") if isinstance(event.get("data"), dict) else None
    texts = [event.get("id"), event.get("type"), subject.get("id") if isinstance(subject, dict) else None]
    return all(isinstance(text, str) and text for text in texts) and isinstance(event.get("created"), int)


def notice(event: dict[str, Any]) -> Notice:
    subject = event["data"]["object"]
    return Notice(
        reference=event["id"],
        kind=event["type"],
        object_reference=subject["id"],
        happened_at=datetime.fromtimestamp(event["created"], UTC),
        payload={name: subject[name] for name in _KEPT if name in subject},
    )


def field(thing: Any, name: str) -> Any:
    """A field that Stripe may leave out: its objects raise where others would say None."""
    return getattr(thing, name, None)


def plain(metadata: Any) -> dict[str, str]:
    return dict(metadata.to_dict()) if metadata else {}


def _digits(currency: str) -> int:
    return 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2


def to_stripe(amount: int, currency: str) -> int:
    converted = money.to_decimal(amount, currency).scaleb(_digits(currency))
    if converted != int(converted):
        raise GatewayRefused(f"Stripe can't take so small a part of {currency}.")
    return int(converted)


def from_stripe(amount: int, currency: str) -> int:
    converted = Decimal(amount).scaleb(money.precision(currency) - _digits(currency))
    if converted != int(converted):
        raise GatewayRefused(f"Stripe shows a part of {currency} that does not exist.")
    return int(converted)
