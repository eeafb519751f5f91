"""PaymentIntents: one amount to be taken once, however many attempts it needs."""

from typing import Any

from webapp.sandbox import charges, disputes, methods
from webapp.sandbox.account import Account
from webapp.sandbox.errors import Declined, InvalidRequest
from webapp.sandbox.identifiers import client_secret, new_id
from webapp.sandbox.instruments import Decline, Instrument
from webapp.sandbox.metadata import merged
from webapp.sandbox.money import check_amount, checked_currency
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource

WAITING = {"requires_payment_method", "requires_confirmation", "requires_action"}
FORBIDDEN_ON_STATEMENTS = set("<>\\'\"*")
COPIED = [
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
    "allowed_payment_method_types",
]


def create(account: Account, params: Json) -> Resource:
    currency = checked_currency(params["currency"])
    check_amount(params["amount"], currency)
    check_descriptor(params)
    customer = params.get("customer")
    if customer is not None:
        account.named("customer", customer, param="customer")
    intent = open_intent(
        account, amount=params["amount"], currency=currency, customer=customer, fields=params
    )
    if "payment_method" in params:
        method = methods.find(account, params["payment_method"])
        _same_customer(intent, method)
        intent |= {"payment_method": method.id, "status": "requires_confirmation"}
        account.save(intent)
    if params.get("confirm"):
        return confirm(
            account, {"intent": intent.id} | {k: params[k] for k in ("off_session",) if k in params}
        )
    return intent


def check_descriptor(fields: Json, name: str = "{}") -> None:
    """What stands on the payer's statement: for cards only a suffix to the merchant's own name."""
    if "statement_descriptor" in fields:
        raise InvalidRequest(
            "The statement_descriptor parameter is not supported for card payments. "
            "Use statement_descriptor_suffix instead.",
            param=name.format("statement_descriptor"),
        )
    suffix = fields.get("statement_descriptor_suffix", "")
    if set(suffix) & FORBIDDEN_ON_STATEMENTS:
        raise InvalidRequest(
            f"Invalid statement descriptor suffix: {suffix}. It may not contain < > \\ ' \" *",
            param=name.format("statement_descriptor_suffix"),
        )


def open_intent(
    account: Account,
    *,
    amount: int,
    currency: str,
    customer: str | None,
    fields: Json,
    hidden: Json | None = None,
) -> Resource:
    intent_id = new_id("payment_intent")
    intent = account.create(
        "payment_intent",
        id=intent_id,
        hidden=hidden,
        amount=amount,
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        automatic_payment_methods={"enabled": True, "allow_redirects": "always"},
        capture_method="automatic_async",
        client_secret=client_secret(intent_id),
        confirmation_method="automatic",
        currency=currency,
        customer=customer,
        metadata=merged({}, fields.get("metadata", {})),
        payment_method_options={},
        payment_method_types=["card", "us_bank_account"],
        status="requires_payment_method",
        **{name: fields[name] for name in COPIED if name in fields},
    )
    account.emit("payment_intent.created", intent)
    return intent


def confirm(account: Account, params: Json) -> Resource:
    intent = account.find("payment_intent", params["intent"], param="intent")
    if intent["status"] not in WAITING:
        raise _unexpected(intent, "confirm", "requires_payment_method or requires_confirmation")
    method_id = params.get("payment_method") or intent["payment_method"]
    if method_id is None:
        raise InvalidRequest(
            "You cannot confirm this PaymentIntent because it's missing a payment method. Update the "
            "PaymentIntent with a payment method and then confirm it again.",
            code="payment_intent_unexpected_state",
            payment_intent=dict(intent),
        )
    method = methods.find(account, method_id)
    _same_customer(intent, method)
    return pay(account, intent, method, off_session=bool(params.get("off_session")))


def update(account: Account, params: Json) -> Resource:
    """Only what may change at any time: the merchant's own notes."""
    intent = account.find("payment_intent", params["intent"], param="intent")
    if "metadata" in params:
        intent["metadata"] = merged(intent["metadata"], params["metadata"])
    if "description" in params:
        intent["description"] = params["description"]
    account.save(intent)
    return intent


def cancel(account: Account, params: Json) -> Resource:
    intent = account.find("payment_intent", params["intent"], param="intent")
    if "session" in intent.hidden:
        raise InvalidRequest(
            "You cannot cancel this PaymentIntent because it was created by a Checkout Session. Expire the "
            "Checkout Session instead.",
            code="payment_intent_unexpected_state",
            payment_intent=dict(intent),
        )
    if intent["status"] not in WAITING:
        raise _unexpected(
            intent, "cancel", "requires_payment_method, requires_confirmation or requires_action"
        )
    close(account, intent, params.get("cancellation_reason"))
    return intent


def close(account: Account, intent: Resource, reason: str | None) -> None:
    intent |= {
        "status": "canceled",
        "canceled_at": account.now(),
        "cancellation_reason": reason,
        "next_action": None,
    }
    account.save(intent)
    account.emit("payment_intent.canceled", intent)


def pay(
    account: Account, intent: Resource, method: Resource, *, off_session: bool, approved: bool = False
) -> Resource:
    """One attempt to take the money. Raises `Declined`, with everything saved, when the bank refuses."""
    instrument = methods.instrument_of(method)
    if not approved and _must_authenticate(instrument, method):
        if off_session:
            raise _refuse(account, intent, method, AUTHENTICATION_REQUIRED)
        return _ask(account, intent, method)
    saved = method["customer"] is not None
    if decline := instrument.decline or (instrument.decline_later if saved else None):
        charge = charges.attempt(account, intent, method, status="failed", decline=decline)
        account.emit("charge.failed", charge)
        raise _refuse(account, intent, method, decline, charge)
    _keep_method(account, intent, method)
    intent |= {"payment_method": method.id, "next_action": None, "last_payment_error": None}
    if instrument.debit:
        return _begin_debit(account, intent, method, instrument)
    charge = charges.attempt(account, intent, method, status="succeeded")
    succeed(account, intent, charge)
    if instrument.disputed:
        disputes.open_dispute(account, charge, reason="fraudulent")
    return intent


AUTHENTICATION_REQUIRED = Decline("authentication_required", "authentication_required")


def succeed(account: Account, intent: Resource, charge: Resource) -> None:
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge.id,
        "processing": None,
    }
    account.save(intent)
    account.emit("charge.succeeded", charge)
    account.emit("payment_intent.succeeded", intent)


def refuse_authentication(account: Account, intent: Resource, method: Resource) -> Declined:
    """The payer told the bank no."""
    return _refuse(account, intent, method, Decline("payment_intent_authentication_failure"))


def fail(account: Account, intent: Resource, error: Json) -> None:
    """Back to the start: another attempt needs another payment method."""
    intent |= {
        "status": "requires_payment_method",
        "last_payment_error": error,
        "payment_method": None,
        "next_action": None,
        "processing": None,
    }
    account.save(intent)
    account.emit("payment_intent.payment_failed", intent)


def _begin_debit(account: Account, intent: Resource, method: Resource, instrument: Instrument) -> Resource:
    charge = charges.attempt(account, intent, method, status="pending")
    intent |= {"status": "processing", "latest_charge": charge.id}
    account.save(intent)
    account.emit("charge.pending", charge)
    account.emit("payment_intent.processing", intent)
    if instrument.debit in {"settle", "fail"}:
        account.later(account.settings.ach_delay, f"{instrument.debit}_debit", intent.id)
    return intent


def _keep_method(account: Account, intent: Resource, method: Resource) -> None:
    if intent["setup_future_usage"] == "off_session" and intent["customer"]:
        methods.leave_with(account, method, intent["customer"])


def _must_authenticate(instrument: Instrument, method: Resource) -> bool:
    if instrument.authentication == "once":
        return method["customer"] is None
    return instrument.authentication == "always"


def _ask(account: Account, intent: Resource, method: Resource) -> Resource:
    redirect = {
        "return_url": None,
        "url": f"{account.processor.public_url}/checkout/{intent.hidden.get('session', intent.id)}",
    }
    intent |= {
        "status": "requires_action",
        "payment_method": method.id,
        "next_action": {"type": "redirect_to_url", "redirect_to_url": redirect},
    }
    account.save(intent)
    account.emit("payment_intent.requires_action", intent)
    return intent


def _refuse(
    account: Account, intent: Resource, method: Resource, decline: Decline, charge: Resource | None = None
) -> Declined:
    error: Json = {
        "type": "card_error",
        "code": decline.code,
        "message": decline.message,
        "payment_method": dict(method),
        "payment_method_type": method["type"],
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
    }
    optional: dict[str, Any] = {"decline_code": decline.decline_code, "charge": charge.id if charge else None}
    error |= {name: value for name, value in optional.items() if value is not None}
    if charge:
        intent["latest_charge"] = charge.id
    fail(account, intent, error)
    fields = {name: value for name, value in error.items() if name not in {"type", "message"}}
    return Declined(decline.message, payment_intent=dict(intent), **fields)


def _same_customer(intent: Resource, method: Resource) -> None:
    if "detached" in method.hidden:
        raise InvalidRequest(
            "The provided PaymentMethod was detached from a Customer. It may not be used again.",
            param="payment_method",
        )
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        raise InvalidRequest(
            f"The provided PaymentMethod ({method.id}) belongs to a Customer. Please include the Customer "
            "in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )


def _unexpected(intent: Resource, verb: str, wanted: str) -> InvalidRequest:
    return InvalidRequest(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. Only a "
        f"PaymentIntent with one of the following statuses may be {verb}ed: {wanted}.",
        code="payment_intent_unexpected_state",
        payment_intent=dict(intent),
    )
