"""What a processor keeps for a payer, in the words of the gateway: who, with which method, charged how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class MethodKind(StrEnum):
    CARD = "card"
    BANK_ACCOUNT = "us_bank_account"

    @property
    def label(self) -> str:
        return {MethodKind.CARD: "Card", MethodKind.BANK_ACCOUNT: "Bank account"}[self]


@dataclass(frozen=True)
class CustomerOrder:
    """Whom the processor shall recognize. `metadata` names our rows."""

    name: str
    email: str | None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SetupOrder:
    """A page on which the customer leaves a payment method for later, and pays nothing."""

    customer_reference: str
    currency: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MethodOnFile:
    """A payment method as the processor sees it now. Without a customer it can't be charged any more.

    `expires` is the last month it is good in, as (year, month); bank accounts have none.
    """

    reference: str
    customer_reference: str | None
    kind: MethodKind
    brand: str
    last4: str
    expires: tuple[int, int] | None


class SetupState(StrEnum):
    """`done`: the payer has finished there. The method may follow, when a bank account is verified first."""

    OPEN = "open"
    DONE = "done"
    EXPIRED = "expired"


@dataclass(frozen=True)
class HostedSetup:
    """The page as it stands now, and the method that was left on it."""

    reference: str
    state: SetupState
    url: str | None
    method: MethodOnFile | None
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class ChargeOrder:
    """So much from a method on file, without the payer being there. `metadata` names our rows."""

    customer_reference: str
    method_reference: str
    amount: int
    currency: str
    description: str
    metadata: Mapping[str, str] = field(default_factory=dict)
