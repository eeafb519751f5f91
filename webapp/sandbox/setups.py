"""SetupIntents: leaving a payment method for later without paying now."""

from webapp.sandbox import methods
from webapp.sandbox.account import Account
from webapp.sandbox.errors import Declined, InvalidRequest
from webapp.sandbox.identifiers import client_secret, new_id
from webapp.sandbox.metadata import merged
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource


def create(account: Account, params: Json) -> Resource:
    if "customer" in params:
        account.named("customer", params["customer"], param="customer")
    setup = open_setup(account, customer=params.get("customer"), fields=params)
    if "payment_method" in params:
        setup |= {
            "payment_method": methods.find(account, params["payment_method"]).id,
            "status": "requires_confirmation",
        }
        account.save(setup)
    return confirm(account, {"intent": setup.id}) if params.get("confirm") else setup


def open_setup(account: Account, *, customer: str | None, fields: Json) -> Resource:
    setup_id = new_id("setup_intent")
    setup = account.create(
        "setup_intent",
        id=setup_id,
        client_secret=client_secret(setup_id),
        customer=customer,
        description=fields.get("description"),
        metadata=merged({}, fields.get("metadata", {})),
        payment_method_options={},
        payment_method_types=["card", "us_bank_account"],
        status="requires_payment_method",
        usage=fields.get("usage", "off_session"),
    )
    account.emit("setup_intent.created", setup)
    return setup


def confirm(account: Account, params: Json) -> Resource:
    setup = account.find("setup_intent", params["intent"], param="intent")
    method_id = params.get("payment_method") or setup["payment_method"]
    if method_id is None or setup["status"] in {"succeeded", "canceled"}:
        raise InvalidRequest(
            f"You cannot confirm this SetupIntent: its status is {setup['status']}.",
            code="setup_intent_unexpected_state",
            setup_intent=dict(setup),
        )
    return carry_out(account, setup, methods.find(account, method_id))


def cancel(account: Account, params: Json) -> Resource:
    setup = account.find("setup_intent", params["intent"], param="intent")
    setup |= {"status": "canceled", "cancellation_reason": params.get("cancellation_reason")}
    account.save(setup)
    account.emit("setup_intent.canceled", setup)
    return setup


def carry_out(account: Account, setup: Resource, method: Resource) -> Resource:
    """Keeps the method with the customer. A card that is declined now is not kept."""
    decline = methods.instrument_of(method).decline
    if decline is not None:
        error = {
            "type": "card_error",
            "code": decline.code,
            "message": decline.message,
            "payment_method": dict(method),
        }
        setup |= {"status": "requires_payment_method", "last_setup_error": error, "payment_method": None}
        account.save(setup)
        account.emit("setup_intent.setup_failed", setup)
        raise Declined(decline.message, code=decline.code, setup_intent=dict(setup))
    if setup["customer"]:
        methods.leave_with(account, method, setup["customer"])
    setup |= {"status": "succeeded", "payment_method": method.id, "last_setup_error": None}
    account.save(setup)
    account.emit("setup_intent.succeeded", setup)
    return setup
