"""What happens by itself after a while: sessions run out, debits settle, fees and refunds arrive."""

from collections.abc import Callable

from webapp.sandbox import charges, intents, refunds, sessions
from webapp.sandbox.account import Account
from webapp.sandbox.errors import InvalidRequest
from webapp.sandbox.store import Resource

RETURNED = ("insufficient_funds", "The payer's bank account does not hold enough money for this debit.")


def settle_debit(account: Account, intent_id: str) -> None:
    intent, charge = _under_way(account, intent_id)
    charges.paid(account, charge)
    intents.succeed(account, intent, charge)
    _tell_session(account, intent, paid=True)


def fail_debit(account: Account, intent_id: str) -> None:
    intent, charge = _under_way(account, intent_id)
    code, message = RETURNED
    charges.failed(account, charge, code=code, message=message)
    _fail_intent(account, intent, charge, code=code, message=message)
    _tell_session(account, intent, paid=False)


def take_debit_back(account: Account, charge: Resource) -> None:
    """The same after it had succeeded: the charge has failed, whatever was told before."""
    if charge["payment_method_details"]["type"] != "us_bank_account" or not charge["paid"]:
        raise InvalidRequest("Only a bank debit that was paid can be taken back.")
    charges.fail_late(account, charge)
    intent = account.find("payment_intent", charge["payment_intent"])
    _fail_intent(account, intent, charge, code=RETURNED[0], message=RETURNED[1])


def _fail_intent(account: Account, intent: Resource, charge: Resource, *, code: str, message: str) -> None:
    method = account.find("payment_method", charge["payment_method"])
    error = {
        "type": "invalid_request_error",
        "code": "payment_intent_payment_attempt_failed",
        "decline_code": code,
        "message": message,
        "charge": charge.id,
        "payment_method": dict(method),
        "payment_method_type": method["type"],
    }
    intents.fail(account, intent, error)


def expire_session(account: Account, session_id: str) -> None:
    sessions.run_out(account, account.find("checkout.session", session_id))


def bring_fee(account: Account, charge_id: str) -> None:
    charges.bring_fee(account, account.find("charge", charge_id))


def finish_refund(account: Account, refund_id: str) -> None:
    refunds.finish(account, account.find("refund", refund_id))


def _under_way(account: Account, intent_id: str) -> tuple[Resource, Resource]:
    intent = account.find("payment_intent", intent_id)
    if intent["status"] != "processing":
        raise InvalidRequest(f"This payment is not under way: its status is {intent['status']}.")
    return intent, account.find("charge", intent["latest_charge"])


def _tell_session(account: Account, intent: Resource, *, paid: bool) -> None:
    if "session" in intent.hidden:
        sessions.settled(account, account.find("checkout.session", intent.hidden["session"]), paid=paid)


ACTIONS: dict[str, Callable[[Account, str], None]] = {
    "settle_debit": settle_debit,
    "fail_debit": fail_debit,
    "expire_session": expire_session,
    "fee": bring_fee,
    "finish_refund": finish_refund,
}
