"""Charges: one attempt each to take the money of an intent."""

from webapp.sandbox import fees
from webapp.sandbox.account import Account
from webapp.sandbox.identifiers import letters
from webapp.sandbox.instruments import Decline, Instrument
from webapp.sandbox.methods import instrument_of
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource


def attempt(
    account: Account, intent: Resource, method: Resource, *, status: str, decline: Decline | None = None
) -> Resource:
    instrument = instrument_of(method)
    taken = intent["amount"] if status == "succeeded" else 0
    charge = account.create(
        "charge",
        id=f"py_3{letters(23)}" if instrument.debit else None,
        amount=intent["amount"],
        amount_captured=taken,
        amount_refunded=0,
        currency=intent["currency"],
        billing_details=method["billing_details"],
        captured=True,
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        metadata=dict(intent["metadata"]),
        fraud_details={},
        outcome=_outcome(status, decline),
        paid=status == "succeeded",
        payment_intent=intent.id,
        payment_method=method.id,
        payment_method_details=_details(instrument, intent),
        refunded=False,
        receipt_email=intent["receipt_email"],
        status=status,
        calculated_statement_descriptor="SANDBOX",
        statement_descriptor_suffix=intent["statement_descriptor_suffix"],
        hidden={"instrument": instrument.name},
        failure_code=decline.code if decline else None,
        failure_message=decline.message if decline else None,
    )
    if status == "succeeded":
        paid(account, charge)
    return charge


def paid(account: Account, charge: Resource) -> None:
    """The bank gave the money. The fee is known at once, or arrives when the settings say so."""
    charge |= {
        "status": "succeeded",
        "paid": True,
        "amount_captured": charge["amount"],
        "outcome": _outcome("succeeded", None),
    }
    if account.settings.fee_delay == 0:
        charge["balance_transaction"] = fees.charged(account, charge).id
    else:
        account.later(account.settings.fee_delay, "fee", charge.id)
    account.save(charge)


def bring_fee(account: Account, charge: Resource) -> None:
    """The late balance transaction arrives."""
    if charge["balance_transaction"] is None and charge["status"] == "succeeded":
        charge["balance_transaction"] = fees.charged(account, charge).id
        account.save(charge)
        account.emit("charge.updated", charge, {"balance_transaction": None})


def failed(account: Account, charge: Resource, *, code: str, message: str) -> None:
    charge |= {"status": "failed", "paid": False, "failure_code": code, "failure_message": message}
    account.save(charge)
    account.emit("charge.failed", charge)


def fail_late(account: Account, charge: Resource) -> None:
    """A debit that had succeeded fails after all; what it brought in is taken away again."""
    charge["failure_balance_transaction"] = fees.debit_failed(account, charge).id
    failed(account, charge, code="insufficient_funds", message="The bank took this debit back.")


def add_refund(account: Account, charge: Resource, amount: int) -> None:
    """Counts a refund, or with a negative amount takes a failed one back."""
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    account.save(charge)


def _details(instrument: Instrument, intent: Resource) -> Json:
    details = dict(instrument.details)
    if instrument.debit:
        return {"type": "us_bank_account", "us_bank_account": details | {"payment_reference": None}}
    details |= {
        "amount_authorized": intent["amount"],
        "authorization_code": None,
        "installments": None,
        "mandate": None,
        "network": instrument.brand,
        "network_token": {"used": False},
        "three_d_secure": None,
        "regulated_status": "unregulated",
    }
    return {"type": "card", "card": details}


def _outcome(status: str, decline: Decline | None) -> Json:
    return {
        "type": "issuer_declined" if decline else "authorized",
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": (decline.decline_code or decline.code) if decline else None,
        "risk_level": "not_assessed" if status == "pending" else "normal",
        "seller_message": "The bank declined the payment." if decline else "Payment complete.",
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
    }
