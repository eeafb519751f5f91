"""What the payer's bank gives as its reason, and what answers it best."""

_WORDS = {
    "bank_cannot_process": "the bank could not process it",
    "credit_not_processed": "a refund that was promised did not come",
    "customer_initiated": "the payer asked the bank to take it back",
    "debit_not_authorized": "the payer says the debit was not authorized",
    "duplicate": "the payer says it was charged twice",
    "fraudulent": "the payer says it was not them",
    "general": "no particular reason",
    "incorrect_account_details": "the account details were wrong",
    "insufficient_funds": "the account did not hold enough money",
    "noncompliant": "a rule of the card network was broken",
    "product_not_received": "the payer says nothing was received for it",
    "product_unacceptable": "the payer says it was not as described",
    "subscription_canceled": "the payer says the membership was cancelled",
    "unrecognized": "the payer does not recognize it",
}
_ADVICE = {
    "credit_not_processed": "Say whether a refund was promised, and show that it was paid or why it was not.",
    "duplicate": "Show that the two payments were for two different invoices.",
    "fraudulent": "Show that it was the member: mails that were sent, visits to the pay page, payments that"
    " were never contested.",
    "product_not_received": "Show the membership it paid for: the invoice, its lines and the period.",
    "product_unacceptable": "Show what was agreed: the invoice and what the dues are for.",
    "subscription_canceled": "Show that the member was active on the day the dues were charged.",
    "unrecognized": "Show who you are to the member: the invoice, the mails, earlier payments.",
}
_ALWAYS = "Show what the dues were for, that the member knew of them, and that the member paid them."


def in_words(code: str) -> str:
    """In the middle of a sentence; an unknown code as it is, readable."""
    return _WORDS.get(code, code.replace("_", " "))


def advice(code: str) -> str:
    """What an answer should show."""
    return _ADVICE.get(code, _ALWAYS)
