"""Payment methods: what a payer pays with, and may leave for the next time."""

from typing import Any

from webapp.sandbox.account import Account
from webapp.sandbox.errors import InvalidRequest
from webapp.sandbox.instruments import BY_TOKEN, INSTRUMENTS, Instrument
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource

NO_ADDRESS = dict.fromkeys(["city", "country", "line1", "line2", "postal_code", "state"])


def create(account: Account, instrument: Instrument, *, email: str | None = None) -> Resource:
    details: Json = dict(instrument.details)
    if instrument.method == "card":
        details |= {
            "display_brand": instrument.brand,
            "generated_from": None,
            "regulated_status": "unregulated",
            "networks": {"available": [instrument.brand], "preferred": None},
            "three_d_secure_usage": {"supported": True},
        }
    else:
        details |= {
            "financial_connections_account": None,
            "status_details": {},
            "networks": {"preferred": "ach", "supported": ["ach"]},
        }
    described: dict[str, Any] = {instrument.method: details, "hidden": {"instrument": instrument.name}}
    return account.create(
        "payment_method",
        type=instrument.method,
        billing_details=billing_details(email),
        metadata={},
        allow_redisplay="unspecified",
        **described,
    )


def billing_details(email: str | None = None) -> Json:
    return {"address": NO_ADDRESS, "email": email, "name": None, "phone": None, "tax_id": None}


def instrument_of(method: Resource) -> Instrument:
    return INSTRUMENTS[method.hidden["instrument"]]


def find(account: Account, method_id: str, *, param: str = "payment_method") -> Resource:
    """A saved one, or a new one when a test token such as `pm_card_visa` is named."""
    if method_id in BY_TOKEN:
        return create(account, BY_TOKEN[method_id])
    return account.named("payment_method", method_id, param=param)


def attach(account: Account, params: Json) -> Resource:
    method = find(account, params["payment_method"])
    customer = account.named("customer", params.get("customer", ""), param="customer")
    return leave_with(account, method, customer.id)


def leave_with(account: Account, method: Resource, customer_id: str) -> Resource:
    """The customer can be charged with it again."""
    if method["customer"] not in (None, customer_id):
        raise InvalidRequest("The payment method you provided has already been attached to a customer.")
    if method["customer"] is None:
        method["customer"] = customer_id
        account.save(method)
        account.emit("payment_method.attached", method)
    return method


def detach(account: Account, params: Json) -> Resource:
    method = account.find("payment_method", params["payment_method"])
    if method["customer"] is None:
        raise InvalidRequest(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    previous = {"customer": method["customer"]}
    method["customer"] = None
    method.hidden["detached"] = True
    account.save(method)
    account.emit("payment_method.detached", method, previous)
    return method
