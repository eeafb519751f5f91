"""What the processor keeps of a payment, and the balance transactions that say so."""

from webapp.sandbox.account import Account
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource

DAY = 86_400
DISPUTE_FEE = 1500


def fee_of(method: str, amount: int) -> int:
    """Cards 2.9 % and 30, bank debits 0.8 % up to 500; in minor units, half rounded up."""
    if method == "us_bank_account":
        return min((amount * 8 + 500) // 1000, 500)
    return (amount * 29 + 500) // 1000 + 30


def charged(account: Account, charge: Resource) -> Resource:
    """The money of a successful charge arrives, less the fee."""
    method = charge["payment_method_details"]["type"]
    return _transaction(
        account,
        charge,
        charge["amount"],
        fee=fee_of(method, charge["amount"]),
        fee_name="Stripe processing fees",
        type="charge" if method == "card" else "payment",
        category="charge",
    )


def refunded(account: Account, refund: Resource, *, by_card: bool) -> Resource:
    """The money goes back; the fee of the charge does not."""
    return _transaction(
        account, refund, -refund["amount"], type="refund" if by_card else "payment_refund", category="refund"
    )


def refund_failed(account: Account, refund: Resource) -> Resource:
    return _transaction(account, refund, refund["amount"], type="refund_failure", category="refund_failure")


def debit_failed(account: Account, charge: Resource) -> Resource:
    """What a bank debit had brought in is taken away again."""
    return _transaction(
        account, charge, -charge["amount"], type="payment_failure_refund", category="charge_failure"
    )


def disputed(account: Account, dispute: Resource) -> Resource:
    return _transaction(
        account,
        dispute,
        -dispute["amount"],
        fee=DISPUTE_FEE,
        fee_name="Dispute fee",
        type="adjustment",
        category="dispute",
        description=f"Chargeback withdrawal for {dispute['charge']}",
    )


def dispute_won(account: Account, dispute: Resource, *, fee_returned: bool = False) -> Resource:
    """The amount comes back; the dispute's fee does not, unless the contract says so."""
    return _transaction(
        account,
        dispute,
        dispute["amount"],
        fee=-DISPUTE_FEE if fee_returned else 0,
        fee_name="Dispute fee",
        type="adjustment",
        category="dispute_reversal",
        description=f"Chargeback reversal for {dispute['charge']}",
    )


def _transaction(
    account: Account,
    source: Resource,
    amount: int,
    *,
    type: str,
    category: str,
    fee: int = 0,
    fee_name: str = "",
    description: str | None = None,
) -> Resource:
    details = {
        "amount": fee,
        "application": None,
        "currency": source["currency"],
        "description": fee_name,
        "type": "stripe_fee",
    }
    return account.create(
        "balance_transaction",
        amount=amount,
        fee=fee,
        net=amount - fee,
        fee_details=[details] if fee else [],
        currency=source["currency"],
        available_on=account.now() + 2 * DAY,
        balance_type="payments",
        status="pending",
        reporting_category=category,
        type=type,
        source=source.id,
        description=description or source.get("description"),
    )


def balance(account: Account) -> Json:
    totals: dict[str, int] = {}
    for transaction in account.store.select("balance_transaction", account=account.id):
        totals[transaction["currency"]] = totals.get(transaction["currency"], 0) + transaction["net"]
    amounts = [{"amount": total, "currency": currency} for currency, total in sorted(totals.items())]
    return {"object": "balance", "livemode": False, "available": amounts, "pending": []}
