"""When an installment is collected, and when again after a decline: not each refusal is worth another try."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from webapp.domain.payments.charge_seen import REFUSED
from webapp.domain.payments.payment import PaymentState


class Advice(StrEnum):
    """What a declined charge calls for: another try, the payer's own yes to the bank, or another method."""

    TRY_AGAIN = "try_again"
    ASK_PAYER = "ask_payer"
    OTHER_METHOD = "other_method"


_ASKS_PAYER = frozenset({"authentication_required"})
_GONE = frozenset(
    {
        *("lost_card", "stolen_card", "expired_card", "pickup_card", "restricted_card"),
        *("card_not_supported", "currency_not_supported", "invalid_account", "stop_payment_order"),
        *("revocation_of_authorization", "revocation_of_all_authorizations", "do_not_try_again"),
        *("account_closed", "no_account", "debit_not_authorized", "bank_account_unusable"),
        *("bank_account_restricted", "incorrect_number", "invalid_number", "fraudulent", REFUSED),
    }
)


@dataclass(frozen=True)
class Try:
    """One attempt, on a day of the organization's. `reason` is why it failed, in the processor's words."""

    tried_on: date
    state: PaymentState
    failure_code: str | None
    reason: str | None = None

    @property
    def has_failed(self) -> bool:
        return self.state is PaymentState.FAILED

    @property
    def advice(self) -> Advice:
        if self.failure_code in _ASKS_PAYER:
            return Advice.ASK_PAYER
        return Advice.OTHER_METHOD if self.failure_code in _GONE else Advice.TRY_AGAIN


def next_day(due_on: date, tries: Sequence[Try], retry_days: Sequence[int]) -> date | None:
    """On which day it may be tried next, given what was tried on the word that is in force; None: no more.

    `retry_days` count from the first try. What was dropped before the processor was asked does not count.
    """
    counted = [one for one in tries if one.state is not PaymentState.EXPIRED]
    if not counted:
        return due_on
    failed = [one for one in counted if one.has_failed]
    if len(failed) < len(counted) or any(one.advice is not Advice.TRY_AGAIN for one in failed):
        return None
    later = sorted(day for day in retry_days if day > 0)[len(failed) - 1 : len(failed)]
    return failed[0].tried_on + timedelta(days=later[0]) if later else None
