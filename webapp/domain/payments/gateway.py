"""The protocol that every processor meets. Amounts are minor units; times are UTC.

No method is called inside a transaction: our row, then the call, then its outcome.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from webapp.core.errors import Refusal, Unavailable
from webapp.domain.payments.on_file import ChargeOrder, CustomerOrder, HostedSetup, MethodOnFile, SetupOrder


class GatewayRefused(Refusal):
    """The processor understood and said no; trying again without a change is pointless."""

    status = 422
    code = "processor-refused"
    message = "The payment processor refused this."


class GatewayUnavailable(Unavailable):
    """No answer, or an error on their side. The outcome is unknown; the same key may be tried again."""

    message = "The payment processor does not answer right now."
    next_step = "Nothing is lost. Try again in a minute."


class GatewayBusy(GatewayUnavailable):
    """It answers: the very same question, with the same key, is still being worked on for somebody else."""

    message = "The payment processor is still working on this."


class MethodUnusable(GatewayRefused):
    """Nothing was tried: the saved method, or its customer, is not there any more."""

    code = "method-unusable"


class SignatureRefused(Refusal):
    status = 400
    code = "signature-refused"
    message = "This delivery does not carry this processor's signature."


@dataclass(frozen=True)
class CheckoutOrder:
    """What to be paid and where to return to. `metadata` names our rows and goes on session and intent."""

    amount: int
    currency: str
    description: str
    email: str | None
    success_url: str
    cancel_url: str
    expires_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


class HostedState(StrEnum):
    OPEN = "open"
    PAID = "paid"
    PROCESSING = "processing"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True)
class HostedCheckout:
    """The processor's page as it stands now. `url` is None once nobody can pay on it."""

    reference: str
    state: HostedState
    url: str | None
    expires_at: datetime
    amount: int
    currency: str
    intent_reference: str | None
    metadata: Mapping[str, str]


class ChargeState(StrEnum):
    SUCCEEDED = "succeeded"
    PROCESSING = "processing"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True)
class RefundOrder:
    """How much of which payment goes back to the payer. `metadata` names our rows."""

    payment_reference: str
    amount: int
    currency: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProcessorRefund:
    """A refund as the processor sees it now. `failure` says why it did not arrive."""

    reference: str
    amount: int
    state: str
    created_at: datetime
    failure: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


class DisputeKind(StrEnum):
    """`returned_debit`: the payer's bank took a bank debit back after it had succeeded. That is final."""

    CHARGEBACK = "chargeback"
    RETURNED_DEBIT = "returned_debit"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


class DisputeState(StrEnum):
    """An inquiry is a question of the payer's bank that moves no money; it may become a dispute.

    `settled`: ended between processor and bank before it was decided; what was withdrawn stays withdrawn.
    """

    INQUIRY = "inquiry"
    INQUIRY_ANSWERED = "inquiry_answered"
    INQUIRY_CLOSED = "inquiry_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    SETTLED = "settled"


@dataclass(frozen=True)
class DisputeMovement:
    """Money the processor took or gave for a dispute: `amount` > 0 was withdrawn, < 0 came back.

    `fee` is what it charged for that, negative when it gave a fee back.
    """

    reference: str
    amount: int
    fee: int
    moved_at: datetime


@dataclass(frozen=True)
class ProcessorDispute:
    """A dispute as the processor sees it now. `reason` is its code; `answers` counts what it was sent."""

    reference: str
    kind: DisputeKind
    state: DisputeState
    reason: str
    amount: int
    currency: str
    opened_at: datetime
    answer_by: datetime | None
    answers: int
    movements: tuple[DisputeMovement, ...]


@dataclass(frozen=True)
class Evidence:
    """Why the payment was right, for the payer's bank: facts in words, and the records as one PDF file."""

    name: str
    email: str | None
    address: str | None
    service: str
    service_date: str
    statement: str
    records: bytes = field(repr=False)


@dataclass(frozen=True)
class ProcessorPayment:
    """A payment as the processor sees it now. `fee` is None while the processor has not said it yet."""

    reference: str
    state: ChargeState
    amount: int
    currency: str
    method: str
    payer_detail: str | None
    charge_reference: str | None
    fee: int | None
    fee_currency: str | None
    failure_code: str | None
    failure_message: str | None
    refunded: int
    refunds: tuple[ProcessorRefund, ...]
    metadata: Mapping[str, str]
    disputes: tuple[ProcessorDispute, ...] = ()


@dataclass(frozen=True)
class Notice:
    """An event reduced to what a reaction needs: which object to read again.

    `payload` keeps references, amounts and states of that object, and nothing about the payer.
    """

    reference: str
    kind: str
    object_reference: str
    happened_at: datetime
    payload: Mapping[str, object]


class PaymentGateway(Protocol):
    """One processor account. Made from a processor row's credentials; holds no state of its own."""

    def test_connection(self) -> str:
        """The account's name; GatewayRefused with a reason when the key does not work."""
        ...

    def open_checkout(self, order: CheckoutOrder, *, idempotency_key: str) -> HostedCheckout: ...

    def read_checkout(self, reference: str) -> HostedCheckout: ...

    def close_checkout(self, reference: str) -> HostedCheckout:
        """Expire the page. It can lose the race: then the answer says paid or processing."""
        ...

    def read_payment(self, reference: str) -> ProcessorPayment: ...

    def create_customer(self, order: CustomerOrder, *, idempotency_key: str) -> str:
        """The reference of whoever can leave payment methods there."""
        ...

    def open_setup(self, order: SetupOrder, *, idempotency_key: str) -> HostedSetup: ...

    def read_setup(self, reference: str) -> HostedSetup: ...

    def read_method(self, reference: str) -> MethodOnFile: ...

    def detach_method(self, reference: str) -> MethodOnFile:
        """Nobody can charge it any more. As it stands then, also when it was detached before."""
        ...

    def charge_method(self, order: ChargeOrder, *, idempotency_key: str) -> ProcessorPayment:
        """Take money without the payer. A decline is an answer: its failure code says which.

        MethodUnusable when nothing was tried because the method is not there any more.
        """
        ...

    def charges_of(self, customer_reference: str, since: datetime) -> Iterator[ProcessorPayment]:
        """Payments tried since then, oldest first, without fees: to find one whose answer was lost."""
        ...

    def create_refund(self, order: RefundOrder, *, idempotency_key: str) -> ProcessorRefund:
        """Give money back the way it came. The same key again is the same refund; it can fail later."""
        ...

    def read_refund(self, reference: str) -> ProcessorRefund: ...

    def answer_dispute(self, reference: str, evidence: Evidence, *, idempotency_key: str) -> None:
        """Hand the evidence in. Most banks read one answer, so it is the only one."""
        ...

    def accept_dispute(self, reference: str, *, idempotency_key: str) -> None:
        """Give in: the money stays with the payer."""
        ...

    def recent_checkouts(self, since: datetime) -> Iterator[HostedCheckout]:
        """Pages for paying made since then, oldest first, to find those that we forgot ourselves."""
        ...

    def recent_notices(self, since: datetime) -> Iterator[Notice]:
        """Events since then, oldest first, to find what no webhook brought."""
        ...
