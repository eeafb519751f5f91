"""Stripe's customers, setup pages and saved methods, in our words, and our orders about them in its own."""

import stripe
from stripe.checkout import Session
from stripe.params import CustomerCreateParams, PaymentIntentCreateParams
from stripe.params.checkout import SessionCreateParams

from webapp.adapters.stripe_objects import field, plain, to_stripe
from webapp.domain.payments.gateway import GatewayRefused, MethodUnusable
from webapp.domain.payments.on_file import (
    ChargeOrder,
    CustomerOrder,
    HostedSetup,
    MethodKind,
    MethodOnFile,
    SetupOrder,
    SetupState,
)

_STATES = {"complete": SetupState.DONE, "expired": SetupState.EXPIRED}


def customer_params(order: CustomerOrder) -> CustomerCreateParams:
    params: CustomerCreateParams = {"name": order.name, "metadata": dict(order.metadata)}
    if order.email:
        params["email"] = order.email
    return params


def setup_params(order: SetupOrder) -> SessionCreateParams:
    metadata = dict(order.metadata)
    return {
        "mode": "setup",
        "customer": order.customer_reference,
        "currency": order.currency.lower(),
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "expires_at": int(order.expires_at.timestamp()),
        "metadata": metadata,
        "setup_intent_data": {"metadata": metadata},
    }


def charge_params(order: ChargeOrder) -> PaymentIntentCreateParams:
    """The payer is not there, so no method that would send them somewhere is of use."""
    return {
        "amount": to_stripe(order.amount, order.currency),
        "currency": order.currency.lower(),
        "customer": order.customer_reference,
        "payment_method": order.method_reference,
        "description": order.description,
        "metadata": dict(order.metadata),
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "off_session": True,
        "confirm": True,
    }


def tried(refusal: GatewayRefused) -> str:
    """Which payment a bank has declined, when this is what the refusal is about; or the refusal again."""
    cause = refusal.__cause__
    if isinstance(cause, stripe.CardError) and (intent := field(cause.error, "payment_intent")):
        return str(intent.id)
    if isinstance(cause, stripe.InvalidRequestError) and cause.param in ("payment_method", "customer"):
        raise MethodUnusable(refusal.message) from cause
    raise refusal


def setup(session: Session) -> HostedSetup:
    """With its setup intent and the method of that, both expanded."""
    intent = session.setup_intent
    saved = isinstance(intent, stripe.SetupIntent) and intent.status == "succeeded"
    left = intent.payment_method if isinstance(intent, stripe.SetupIntent) and saved else None
    return HostedSetup(
        reference=session.id,
        state=_STATES.get(session.status or "", SetupState.OPEN),
        url=session.url,
        method=method(left) if isinstance(left, stripe.PaymentMethod) else None,
        metadata=plain(session.metadata),
    )


def method(saved: stripe.PaymentMethod) -> MethodOnFile:
    customer = saved.customer
    card, account = field(saved, "card"), field(saved, "us_bank_account")
    if account:
        kind, brand, expires = MethodKind.BANK_ACCOUNT, field(account, "bank_name") or "Bank account", None
    else:
        kind, brand = MethodKind.CARD, (field(card, "brand") or "card").capitalize()
        expires = (card.exp_year, card.exp_month) if card else None
    return MethodOnFile(
        reference=saved.id,
        customer_reference=customer if isinstance(customer, str) or customer is None else customer.id,
        kind=kind,
        brand=brand,
        last4=field(account or card, "last4") or "",
        expires=expires,
    )
