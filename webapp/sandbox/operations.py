"""Which part of Stripe's API the sandbox answers, and who answers it."""

from collections.abc import Callable

from webapp.sandbox import customers, disputes, endpoints, files, intents, methods, refunds, sessions, setups
from webapp.sandbox.account import Account
from webapp.sandbox.expansion import line_items
from webapp.sandbox.fees import balance
from webapp.sandbox.listing import page
from webapp.sandbox.specification import Json

Operation = Callable[[Account, Json], Json]


def _retrieval(kind: str, name: str) -> Operation:
    return lambda account, params: account.find(kind, params[name], param=name)


def _list(kind: str, url: str) -> Operation:
    return lambda account, params: page(account, kind, url, params)


def _account(account: Account, params: Json) -> Json:
    return {
        "id": account.id,
        "object": "account",
        "type": "standard",
        "country": "US",
        "default_currency": "usd",
        "email": "sandbox@example.org",
        "business_profile": {"name": account.name},
        "charges_enabled": True,
        "payouts_enabled": True,
        "details_submitted": True,
        "metadata": {},
        "settings": {"dashboard": {"display_name": account.name, "timezone": "Etc/UTC"}},
    }


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/v1/account"): _account,
    ("get", "/v1/balance"): lambda account, params: balance(account),
    ("get", "/v1/balance_transactions"): _list("balance_transaction", "/v1/balance_transactions"),
    ("get", "/v1/balance_transactions/{id}"): _retrieval("balance_transaction", "id"),
    ("get", "/v1/charges"): _list("charge", "/v1/charges"),
    ("get", "/v1/charges/{charge}"): _retrieval("charge", "charge"),
    ("get", "/v1/checkout/sessions"): _list("checkout.session", "/v1/checkout/sessions"),
    ("post", "/v1/checkout/sessions"): sessions.create,
    ("get", "/v1/checkout/sessions/{session}"): _retrieval("checkout.session", "session"),
    ("post", "/v1/checkout/sessions/{session}"): sessions.update,
    ("post", "/v1/checkout/sessions/{session}/expire"): sessions.expire,
    ("get", "/v1/checkout/sessions/{session}/line_items"): (
        lambda account, params: line_items(account, {"id": params["session"]})
    ),
    ("get", "/v1/customers"): _list("customer", "/v1/customers"),
    ("post", "/v1/customers"): customers.create,
    ("get", "/v1/customers/{customer}"): _retrieval("customer", "customer"),
    ("post", "/v1/customers/{customer}"): customers.update,
    ("get", "/v1/customers/{customer}/payment_methods"): _list("payment_method", "/v1/payment_methods"),
    ("get", "/v1/disputes"): _list("dispute", "/v1/disputes"),
    ("get", "/v1/disputes/{dispute}"): _retrieval("dispute", "dispute"),
    ("post", "/v1/disputes/{dispute}"): disputes.answer,
    ("post", "/v1/disputes/{dispute}/close"): disputes.concede,
    ("get", "/v1/events"): _list("event", "/v1/events"),
    ("get", "/v1/events/{id}"): _retrieval("event", "id"),
    ("post", "/v1/files"): files.create,
    ("get", "/v1/payment_intents"): _list("payment_intent", "/v1/payment_intents"),
    ("post", "/v1/payment_intents"): intents.create,
    ("get", "/v1/payment_intents/{intent}"): _retrieval("payment_intent", "intent"),
    ("post", "/v1/payment_intents/{intent}"): intents.update,
    ("post", "/v1/payment_intents/{intent}/cancel"): intents.cancel,
    ("post", "/v1/payment_intents/{intent}/confirm"): intents.confirm,
    ("get", "/v1/payment_methods"): _list("payment_method", "/v1/payment_methods"),
    ("get", "/v1/payment_methods/{payment_method}"): _retrieval("payment_method", "payment_method"),
    ("post", "/v1/payment_methods/{payment_method}/attach"): methods.attach,
    ("post", "/v1/payment_methods/{payment_method}/detach"): methods.detach,
    ("get", "/v1/refunds"): _list("refund", "/v1/refunds"),
    ("post", "/v1/refunds"): refunds.create,
    ("get", "/v1/refunds/{refund}"): _retrieval("refund", "refund"),
    ("post", "/v1/refunds/{refund}"): refunds.update,
    ("get", "/v1/setup_intents"): _list("setup_intent", "/v1/setup_intents"),
    ("post", "/v1/setup_intents"): setups.create,
    ("get", "/v1/setup_intents/{intent}"): _retrieval("setup_intent", "intent"),
    ("post", "/v1/setup_intents/{intent}/cancel"): setups.cancel,
    ("post", "/v1/setup_intents/{intent}/confirm"): setups.confirm,
    ("get", "/v1/webhook_endpoints"): _list("webhook_endpoint", "/v1/webhook_endpoints"),
    ("post", "/v1/webhook_endpoints"): endpoints.create,
    ("get", "/v1/webhook_endpoints/{webhook_endpoint}"): _retrieval("webhook_endpoint", "webhook_endpoint"),
    ("post", "/v1/webhook_endpoints/{webhook_endpoint}"): endpoints.update,
    ("delete", "/v1/webhook_endpoints/{webhook_endpoint}"): endpoints.delete,
}
