"""Identifiers that look like Stripe's."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits
PREFIXES = {
    "checkout.session": ("cs_test_a1", 56),
    "payment_intent": ("pi_3", 23),
    "charge": ("ch_3", 23),
    "refund": ("re_3", 23),
    "balance_transaction": ("txn_3", 23),
    "event": ("evt_1", 23),
    "webhook_endpoint": ("we_1", 23),
    "customer": ("cus_", 14),
    "payment_method": ("pm_1", 23),
    "setup_intent": ("seti_1", 23),
    "dispute": ("du_1", 23),
    "file": ("file_1", 23),
    "item": ("li_1", 23),
    "price": ("price_1", 23),
    "product": ("prod_", 14),
    "request": ("req_", 14),
    "account": ("acct_1", 15),
}


def letters(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_id(kind: str) -> str:
    prefix, length = PREFIXES[kind]
    return prefix + letters(length)


def client_secret(object_id: str) -> str:
    return f"{object_id}_secret_{letters(25)}"


def webhook_secret() -> str:
    return f"whsec_{letters(32)}"
