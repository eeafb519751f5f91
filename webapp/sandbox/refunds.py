"""Refunds: whole, in parts, at once, after a while, or not after all."""

from webapp.sandbox import charges, disputes, fees
from webapp.sandbox.account import Account
from webapp.sandbox.errors import InvalidRequest, missing_parameter
from webapp.sandbox.identifiers import letters
from webapp.sandbox.instruments import INSTRUMENTS, Instrument
from webapp.sandbox.metadata import merged
from webapp.sandbox.money import shown
from webapp.sandbox.settings import RefundCourse
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource


def create(account: Account, params: Json) -> Resource:
    charge = _charge(account, params)
    amount = _amount(charge, params.get("amount"))
    instrument = INSTRUMENTS[charge.hidden["instrument"]]
    course = instrument.refunds or account.settings.refund_course
    refund = account.create(
        "refund",
        id=None if instrument.method == "card" else f"pyr_1{letters(23)}",
        amount=amount,
        charge=charge.id,
        currency=charge["currency"],
        customer=charge["customer"],
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        metadata=merged({}, params.get("metadata", {})),
        reason=params.get("reason"),
        status=course.starts_as,
        hidden={"course": course},
        destination_details=_destination(instrument),
        **({"pending_reason": "processing"} if course.starts_as == "pending" else {}),
    )
    refund["balance_transaction"] = fees.refunded(account, refund, by_card=instrument.method == "card").id
    account.save(refund)
    charges.add_refund(account, charge, amount)
    account.emit("refund.created", refund)
    account.emit("charge.refunded", charge)
    if course is not RefundCourse.SUCCEEDED:
        account.later(account.settings.refund_delay, "finish_refund", refund.id)
    return refund


def update(account: Account, params: Json) -> Resource:
    refund = account.find("refund", params["refund"])
    previous = {"metadata": refund["metadata"]}
    refund["metadata"] = merged(refund["metadata"], params.get("metadata", {}))
    account.save(refund)
    _tell(account, refund, previous)
    return refund


def finish(account: Account, refund: Resource) -> None:
    """The end its course set for it."""
    if RefundCourse(refund.hidden["course"]).ends_as == "failed":
        fail(account, refund)
    else:
        settle(account, refund)


def settle(account: Account, refund: Resource) -> None:
    if refund["status"] == "pending":
        refund["status"] = "succeeded"
        refund.pop("pending_reason", None)
        account.save(refund)
        _tell(account, refund, {"status": "pending"})


def fail(account: Account, refund: Resource, reason: str = "expired_or_canceled_card") -> None:
    """The money comes back to the merchant; a refund that had succeeded can fail as well."""
    if refund["status"] not in {"pending", "succeeded"}:
        return
    previous = {"status": refund["status"]}
    refund |= {"status": "failed", "failure_reason": reason}
    refund.pop("pending_reason", None)
    refund["failure_balance_transaction"] = fees.refund_failed(account, refund).id
    account.save(refund)
    charges.add_refund(account, account.find("charge", refund["charge"]), -refund["amount"])
    _tell(account, refund, previous)
    account.emit("refund.failed", refund)


def _tell(account: Account, refund: Resource, previous: Json) -> None:
    account.emit("refund.updated", refund, previous)
    account.emit("charge.refund.updated", refund, previous)


def _charge(account: Account, params: Json) -> Resource:
    if "charge" in params:
        charge = account.named("charge", params["charge"], param="charge")
    elif "payment_intent" in params:
        intent = account.named("payment_intent", params["payment_intent"], param="payment_intent")
        if intent["latest_charge"] is None:
            raise InvalidRequest(
                f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
            )
        charge = account.find("charge", intent["latest_charge"])
    else:
        raise missing_parameter("payment_intent")
    if charge["status"] != "succeeded":
        raise InvalidRequest(
            f"Charge {charge.id} has not been paid, so it cannot be refunded.", code="charge_not_refundable"
        )
    if disputes.blocks_refunds(account, charge):
        raise InvalidRequest(
            f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    return charge


def _amount(charge: Resource, wanted: int | None) -> int:
    remaining = charge["amount"] - charge["amount_refunded"]
    if remaining == 0:
        raise InvalidRequest(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    amount = remaining if wanted is None else wanted
    if amount < 1:
        raise InvalidRequest(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    if amount > remaining:
        currency = charge["currency"]
        raise InvalidRequest(
            f"Refund amount ({shown(amount, currency)}) is greater than unrefunded amount on charge "
            f"({shown(remaining, currency)})",
            param="amount",
        )
    return amount


def _destination(instrument: Instrument) -> Json:
    if instrument.method == "card":
        return {
            "type": "card",
            "card": {
                "type": "refund",
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
            },
        }
    return {"type": "us_bank_transfer", "us_bank_transfer": {"reference_status": "pending"}}
