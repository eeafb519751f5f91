"""Customers: payers the merchant wants to recognize."""

from webapp.sandbox import methods
from webapp.sandbox.account import Account
from webapp.sandbox.identifiers import letters
from webapp.sandbox.metadata import merged
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource

WRITABLE = ["address", "description", "email", "name", "phone", "preferred_locales", "shipping"]


def create(account: Account, params: Json) -> Resource:
    customer = account.create(
        "customer",
        balance=0,
        delinquent=False,
        metadata=merged({}, params.get("metadata", {})),
        next_invoice_sequence=1,
        invoice_prefix=letters(8).upper(),
        tax_exempt="none",
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        **{name: params[name] or None for name in WRITABLE if name in params},
    )
    account.emit("customer.created", customer)
    if "payment_method" in params:
        methods.leave_with(account, methods.find(account, params["payment_method"]), customer.id)
    return customer


def update(account: Account, params: Json) -> Resource:
    customer = account.find("customer", params["customer"])
    changed = {name: params[name] or None for name in WRITABLE if name in params}
    if "metadata" in params:
        changed["metadata"] = merged(customer["metadata"], params["metadata"])
    previous = {name: customer[name] for name in changed}
    customer |= changed
    account.save(customer)
    account.emit("customer.updated", customer, previous)
    return customer
