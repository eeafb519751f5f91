"""Test cards and bank accounts, numbered as Stripe's own, and what happens when each is charged."""

import re
from dataclasses import dataclass
from typing import Any

from webapp.sandbox.settings import RefundCourse

DECLINES = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "payment_intent_authentication_failure": (
        "We are unable to authenticate your payment method. Please choose a different payment method and "
        "try again."
    ),
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str | None = None

    @property
    def message(self) -> str:
        return DECLINES.get(self.decline_code or "") or DECLINES[self.code]


@dataclass(frozen=True)
class Instrument:
    """`authentication`, when the bank asks its customer: never, always, or `once`: unless it was saved."""

    name: str
    label: str
    number: str
    token: str
    brand: str = "visa"
    decline: Decline | None = None
    decline_later: Decline | None = None
    authentication: str = "never"
    debit: str | None = None
    refunds: RefundCourse | None = None
    disputed: bool = False

    @property
    def method(self) -> str:
        return "us_bank_account" if self.debit else "card"

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def details(self) -> dict[str, Any]:
        """The part of a payment method and of a charge that describes it."""
        return _bank_details(self) if self.debit else _card_details(self)


def _card_details(card: Instrument) -> dict[str, Any]:
    checks = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
    return {
        "brand": card.brand,
        "checks": checks,
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"sandbox{card.last4}",
        "funding": "credit",
        "last4": card.last4,
        "wallet": None,
    }


def _bank_details(bank: Instrument) -> dict[str, Any]:
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "SANDBOX TEST BANK",
        "fingerprint": f"sandbox{bank.last4}",
        "last4": bank.last4,
        "routing_number": "110000000",
    }


CARDS = [
    Instrument("success", "Payment succeeds", "4242424242424242", "pm_card_visa"),
    Instrument(
        "mastercard", "Payment succeeds (Mastercard)", "5555555555554444", "pm_card_mastercard", "mastercard"
    ),
    Instrument("amex", "Payment succeeds (American Express)", "378282246310005", "pm_card_amex", "amex"),
    Instrument(
        "authentication",
        "Bank asks to approve",
        "4000002760003184",
        "pm_card_authenticationRequired",
        authentication="always",
    ),
    Instrument(
        "authentication_once",
        "Bank asks once, not when saved",
        "4000002500003155",
        "pm_card_authenticationRequiredOnSetup",
        authentication="once",
    ),
    Instrument(
        "generic_decline",
        "Declined",
        "4000000000000002",
        "pm_card_visa_chargeDeclined",
        decline=Decline("card_declined", "generic_decline"),
    ),
    Instrument(
        "insufficient_funds",
        "Declined: insufficient funds",
        "4000000000009995",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        decline=Decline("card_declined", "insufficient_funds"),
    ),
    Instrument(
        "lost_card",
        "Declined: lost card",
        "4000000000009987",
        "pm_card_visa_chargeDeclinedLostCard",
        decline=Decline("card_declined", "lost_card"),
    ),
    Instrument(
        "stolen_card",
        "Declined: stolen card",
        "4000000000009979",
        "pm_card_visa_chargeDeclinedStolenCard",
        decline=Decline("card_declined", "stolen_card"),
    ),
    Instrument(
        "expired_card",
        "Declined: expired card",
        "4000000000000069",
        "pm_card_chargeDeclinedExpiredCard",
        decline=Decline("expired_card"),
    ),
    Instrument(
        "incorrect_cvc",
        "Declined: wrong security code",
        "4000000000000127",
        "pm_card_chargeDeclinedIncorrectCvc",
        decline=Decline("incorrect_cvc"),
    ),
    Instrument(
        "processing_error",
        "Declined: processing error",
        "4000000000000119",
        "pm_card_chargeDeclinedProcessingError",
        decline=Decline("processing_error"),
    ),
    Instrument(
        "declined_later",
        "Succeeds now, declined once saved",
        "4000000000000341",
        "pm_card_chargeCustomerFail",
        decline_later=Decline("card_declined", "generic_decline"),
    ),
    Instrument(
        "refund_pending",
        "Refunds of it take a while",
        "4000000000007726",
        "pm_card_pendingRefund",
        refunds=RefundCourse.PENDING_THEN_SUCCEEDED,
    ),
    Instrument(
        "refund_fails",
        "Refunds of it fail later",
        "4000000000005126",
        "pm_card_refundFail",
        refunds=RefundCourse.SUCCEEDED_THEN_FAILED,
    ),
    Instrument(
        "dispute", "Paid, then disputed as fraud", "4000000000000259", "pm_card_createDispute", disputed=True
    ),
]
BANKS = [
    Instrument(
        "bank_settles", "Settles after a few seconds", "000123456789", "pm_usBankAccount", debit="settle"
    ),
    Instrument(
        "bank_fails", "Comes back unpaid", "000222222227", "pm_usBankAccount_insufficientFunds", debit="fail"
    ),
    Instrument(
        "bank_waits",
        "Stays under way until it is settled here",
        "000999999991",
        "pm_usBankAccount_processing",
        debit="wait",
    ),
]
INSTRUMENTS = {instrument.name: instrument for instrument in CARDS + BANKS}
BY_NUMBER = {instrument.number: instrument for instrument in CARDS + BANKS}
BY_TOKEN = {instrument.token: instrument for instrument in CARDS + BANKS}


def numbered(typed: str) -> Instrument | None:
    """The test card or account a person typed, spaces and dashes as they like."""
    return BY_NUMBER.get(re.sub(r"[\s-]", "", typed))
