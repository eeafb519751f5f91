"""Checkout Sessions: one visit of a payer to the hosted page."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from webapp.sandbox import customers, intents, line_items, methods, setups
from webapp.sandbox.account import Account
from webapp.sandbox.errors import Declined, InvalidRequest, missing_parameter
from webapp.sandbox.identifiers import new_id
from webapp.sandbox.instruments import INSTRUMENTS, Instrument
from webapp.sandbox.metadata import merged
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource

MINUTE, HOUR = 60, 3600
SHORTEST, LONGEST = 30 * MINUTE, 24 * HOUR
COPIED = [
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer_creation",
    "customer_email",
    "locale",
    "origin_context",
    "submit_type",
    "success_url",
    "allowed_payment_method_types",
    "payment_method_collection",
]


@dataclass(frozen=True)
class Outcome:
    """What the payer sees next: `paid`, `declined` with the bank's words, or `authenticate`."""

    state: str
    message: str = ""


def create(account: Account, params: Json) -> Resource:
    _check(account, params)
    mode = params.get("mode", "payment")
    items, currency = (
        line_items.priced(params["line_items"]) if mode == "payment" else ([], params.get("currency"))
    )
    total = sum(item["amount_total"] for item in items) if items else None
    session_id = new_id("checkout.session")
    session = account.create(
        "checkout.session",
        id=session_id,
        mode=mode,
        status="open",
        payment_status="unpaid" if items else "no_payment_required",
        amount_subtotal=total,
        amount_total=total,
        currency=currency,
        customer=params.get("customer"),
        metadata=merged({}, params.get("metadata", {})),
        expires_at=_expiry(account, params.get("expires_at")),
        url=f"{account.processor.public_url}/checkout/{session_id}",
        hidden=_hidden(items, params),
        **FIXED,
        **_branding(account, params),
        **{name: params[name] for name in COPIED if name in params},
    )
    if items:
        session["total_details"] = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
    if mode == "setup":
        setup = setups.open_setup(
            account, customer=session["customer"], fields=params.get("setup_intent_data", {})
        )
        session["setup_intent"] = setup.id
    account.save(session)
    account.later(session["expires_at"] - account.now(), "expire_session", session.id)
    return session


FIXED: Json = {
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "custom_fields": [],
    "custom_text": dict.fromkeys(
        ["after_submit", "shipping_address", "submit", "terms_of_service_acceptance"]
    ),
    "payment_method_options": {},
    "payment_method_types": ["card", "us_bank_account"],
    "phone_number_collection": {"enabled": False},
    "shipping_options": [],
    "ui_mode": "hosted_page",
}


def update(account: Account, params: Json) -> Resource:
    session = account.find("checkout.session", params["session"])
    session["metadata"] = merged(session["metadata"], params.get("metadata", {}))
    account.save(session)
    return session


def expire(account: Account, params: Json) -> Resource:
    session = account.find("checkout.session", params["session"], param="session")
    if session["status"] != "open":
        raise InvalidRequest(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has '
            f"a status of {session['status']}."
        )
    run_out(account, session)
    return session


def run_out(account: Account, session: Resource) -> None:
    if session["status"] != "open":
        return
    session |= {"status": "expired", "url": None}
    account.save(session)
    if session["payment_intent"]:
        intents.close(account, account.find("payment_intent", session["payment_intent"]), "automatic")
    account.emit("checkout.session.expired", session)


def pay(account: Account, session: Resource, instrument: Instrument, *, email: str | None = None) -> Outcome:
    """The payer chose a card or bank account on the hosted page."""
    _remember_payer(account, session, email)
    method = methods.create(account, instrument, email=session["customer_details"]["email"])
    session.hidden["method"] = method.id
    account.save(session)
    if session["mode"] == "setup":
        return _save_method(account, session, method)
    return _charge(account, session, _intent(account, session), method)


def authenticate(account: Account, session: Resource, *, approved: bool) -> Outcome:
    """The payer answered the bank."""
    intent = account.find("payment_intent", session["payment_intent"])
    method = account.find("payment_method", session.hidden["method"])
    if intent["status"] != "requires_action":
        return Outcome("declined", "There is nothing to approve any more.")
    if approved:
        return _charge(account, session, intent, method, approved=True)
    return Outcome("declined", intents.refuse_authentication(account, intent, method).message)


def instrument_in_use(account: Account, session: Resource) -> Instrument:
    return INSTRUMENTS[account.find("payment_method", session.hidden["method"]).hidden["instrument"]]


def settled(account: Account, session: Resource, *, paid: bool) -> None:
    """The bank debit of a completed session came in, or came back."""
    if paid:
        session["payment_status"] = "paid"
        account.save(session)
    account.emit(f"checkout.session.async_payment_{'succeeded' if paid else 'failed'}", session)


def _charge(
    account: Account, session: Resource, intent: Resource, method: Resource, *, approved: bool = False
) -> Outcome:
    try:
        intents.pay(account, intent, method, off_session=False, approved=approved)
    except Declined as decline:
        return Outcome("declined", decline.message)
    if intent["status"] == "requires_action":
        return Outcome("authenticate")
    return _complete(account, session, "paid" if intent["status"] == "succeeded" else "unpaid")


def _save_method(account: Account, session: Resource, method: Resource) -> Outcome:
    setup = account.find("setup_intent", session["setup_intent"])
    try:
        setups.carry_out(account, setup, method)
    except Declined as decline:
        return Outcome("declined", decline.message)
    return _complete(account, session, "no_payment_required")


def _complete(account: Account, session: Resource, payment_status: str) -> Outcome:
    session |= {"status": "complete", "payment_status": payment_status, "url": None}
    account.save(session)
    account.emit("checkout.session.completed", session)
    return Outcome("paid")


def _intent(account: Account, session: Resource) -> Resource:
    """Made at the first attempt. It holds the metadata of `payment_intent_data`, never the session's."""
    if session["payment_intent"]:
        return account.find("payment_intent", session["payment_intent"])
    intent = intents.open_intent(
        account,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        fields=session.hidden["payment_intent_data"],
        hidden={"session": session.id},
    )
    session["payment_intent"] = intent.id
    account.save(session)
    return intent


def _remember_payer(account: Account, session: Resource, email: str | None) -> None:
    known = (
        account.find("customer", session["customer"])["email"]
        if session["customer"]
        else session["customer_email"]
    )
    address = known or email or None
    saves = session["mode"] == "setup" or session.hidden["payment_intent_data"].get("setup_future_usage")
    if session["customer"] is None and (saves or session["customer_creation"] == "always"):
        session["customer"] = customers.create(account, {"email": address}).id
    session["customer_details"] = {
        "address": None,
        "business_name": None,
        "email": address,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _check(account: Account, params: Json) -> None:
    mode = params.get("mode", "payment")
    if mode == "subscription":
        raise InvalidRequest("This sandbox has no subscriptions.", param="mode")
    if "success_url" not in params:
        raise missing_parameter("success_url")
    if mode == "payment" and not params.get("line_items"):
        raise missing_parameter("line_items")
    intents.check_descriptor(params.get("payment_intent_data", {}), "payment_intent_data[{}]")
    for name in ("success_url", "cancel_url"):
        if name in params and not _is_web_address(params[name]):
            raise InvalidRequest("Not a valid URL", code="url_invalid", param=name)
    if "customer" in params:
        account.named("customer", params["customer"], param="customer")
        if "customer_email" in params:
            raise InvalidRequest(
                "You may only specify one of these parameters: customer, customer_email.", param="customer"
            )


def _is_web_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _expiry(account: Account, wanted: int | None) -> int:
    now = account.now()
    if wanted is None:
        return now + LONGEST
    if not now + SHORTEST - MINUTE <= wanted <= now + LONGEST + MINUTE:
        raise InvalidRequest(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session "
            "creation.",
            param="expires_at",
        )
    return wanted


def _hidden(items: list[Json], params: Json) -> Json:
    return {"line_items": items, "payment_intent_data": params.get("payment_intent_data", {})}


def _branding(account: Account, params: Json) -> dict[str, Any]:
    plain = {
        "background_color": "#ffffff",
        "border_style": "rounded",
        "button_color": "#0074d4",
        "font_family": "default",
    }
    return {
        "branding_settings": plain
        | {"display_name": account.name, "icon": None, "logo": None}
        | params.get("branding_settings", {})
    }
