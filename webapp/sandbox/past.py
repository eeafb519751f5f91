"""Payments that were made before the sandbox was there, so that a history told elsewhere is true here too."""

from dataclasses import dataclass
from typing import Any

from webapp.sandbox import happenings, intents, methods
from webapp.sandbox.account import Account
from webapp.sandbox.instruments import INSTRUMENTS
from webapp.sandbox.specification import Json, blank
from webapp.sandbox.store import Resource


@dataclass
class PastAccount(Account):
    """The account at an earlier moment, in seconds since 1970. It tells nobody: that was done then."""

    moment: int = 0

    def now(self) -> int:
        return self.moment

    def later(self, seconds: float | None, action: str, target: str) -> None:
        """The past leaves nothing on the agenda."""

    def emit(self, type: str, subject: Resource, previous: Json | None = None) -> Resource:
        return Resource(blank("event"), account=self.id, hidden={})


def remember(account: Account, payments: list[dict[str, Any]]) -> list[Json]:
    """Each has `amount`, `currency`, `instrument`, `created`, `metadata`. What they became, in that order."""
    past = PastAccount(account.id, account.processor)
    return [_remember(past, payment) for payment in payments]


def _remember(past: PastAccount, payment: dict[str, Any]) -> Json:
    past.moment = int(payment["created"])
    method = methods.create(past, INSTRUMENTS[payment["instrument"]])
    intent = intents.open_intent(
        past, amount=payment["amount"], currency=payment["currency"], customer=None, fields=payment
    )
    intents.pay(past, intent, method, off_session=False)
    if intent["status"] == "processing":
        happenings.settle_debit(past, intent.id)
    settled = past.find("payment_intent", intent.id)
    return {"payment_intent": settled.id, "charge": settled["latest_charge"]}
