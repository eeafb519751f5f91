"""A hosted payment page for one invoice: our row first, then the processor's page, then what became of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import tenancy
from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references
from webapp.core.jobs import Job, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.payability import refuse_unless_payable
from webapp.domain.organizations import Member
from webapp.domain.payments.gateway import CheckoutOrder, HostedCheckout
from webapp.domain.payments.payment import Method, Payment, PaymentState
from webapp.domain.payments.processor import PaymentProcessor

LIFETIME = timedelta(hours=2)
LAST_MINUTES = timedelta(minutes=5)


class CheckoutState(StrEnum):
    """`opening`: our row stands, the processor was or will be asked. `live`: a page can be paid.

    `closing`: nobody shall pay on it any more, the processor was or will be told.
    """

    OPENING = "opening"
    LIVE = "live"
    CLOSING = "closing"
    PAID = "paid"
    PROCESSING = "processing"
    CLOSED = "closed"


UNFINISHED = (CheckoutState.OPENING, CheckoutState.LIVE, CheckoutState.CLOSING)


@dataclass(frozen=True)
class ReturnAddresses:
    """Where the processor sends the payer back to. `{checkout}` in `done` stands for the checkout's id."""

    done: str
    canceled: str


class Checkout(OrganizationRow, Base):
    """`attempt` counts the checkouts of the invoice and is part of the idempotency key.

    `asked` keeps the wording of the order, so that asking again is the same question to the letter. Once it
    is answered it is forgotten, because the payer's own link stands in it. A `part` asks for less than is
    owed, such as an installment.
    """

    __tablename__ = "checkouts"

    invoice_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    processor_id: Mapped[UUID]
    attempt: Mapped[int]
    amount: Mapped[int]
    part: Mapped[bool] = mapped_column(default=False, server_default="false")
    state: Mapped[CheckoutState] = mapped_column(default=CheckoutState.OPENING)
    asked: Mapped[dict[str, Any]]
    session_reference: Mapped[str | None]
    url: Mapped[str | None]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    invoice: Mapped[Invoice] = belongs_to("Checkout.invoice_id", "Invoice")
    payment: Mapped[Payment] = belongs_to("Checkout.payment_id", "Payment")
    processor: Mapped[PaymentProcessor] = belongs_to("Checkout.processor_id", "PaymentProcessor")

    __table_args__ = (
        references("invoices", "invoice_id"),
        references("payments", "payment_id"),
        references("payment_processors", "processor_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        CheckConstraint("state <> 'live' OR url IS NOT NULL", "a_live_page_has_an_address"),
        Index("uq_checkouts_attempt", "organization_id", "invoice_id", "attempt", unique=True),
        Index(
            "uq_checkouts_one_live",
            "organization_id",
            "invoice_id",
            unique=True,
            postgresql_where="state IN ('opening', 'live', 'closing')",
        ),
        Index(
            "uq_checkouts_session",
            "organization_id",
            "processor_id",
            "session_reference",
            unique=True,
            postgresql_where="session_reference IS NOT NULL",
        ),
    )

    @classmethod
    def unfinished_of(cls, invoice_id: UUID) -> Self | None:
        """The one checkout of the invoice that could still take money."""
        return cls.here().first(cls.invoice_id == invoice_id, cls.state.in_(UNFINISHED), lock=True)

    @property
    def idempotency_key(self) -> str:
        return f"checkout-{self.id}-{self.attempt}"

    @property
    def is_unfinished(self) -> bool:
        return self.state in UNFINISHED

    def order(self, currency: str) -> CheckoutOrder:
        return CheckoutOrder(
            amount=self.amount,
            currency=currency,
            expires_at=self.expires_at,
            metadata=self.names,
            **self.asked,
        )

    @property
    def names(self) -> dict[str, str]:
        """What the processor keeps with session and payment, so that each can be traced back to our rows."""
        return {
            "organization_id": str(self.organization_id),
            "processor_id": str(self.processor_id),
            "checkout_id": str(self.id),
            "payment_id": str(self.payment_id),
            "invoice_id": str(self.invoice_id),
        }

    def fits(self, invoice: Invoice, *, now: datetime) -> bool:
        """Whether what its page asks for is still what the invoice owes, with time left to pay it."""
        return (
            self.state is not CheckoutState.CLOSING
            and invoice.is_payable
            and (self.amount == invoice.owed or (self.part and self.amount < invoice.owed))
            and now < self.expires_at - LAST_MINUTES
        )

    def opened(self, page: HostedCheckout) -> None:
        """The processor made the page; once it has run out, somebody looks what became of it."""
        self.session_reference, self.asked = page.reference, {}
        if self.state is CheckoutState.OPENING and page.url:
            self.state, self.url = CheckoutState.LIVE, page.url
            later(
                Job.LOOK_UP_CHECKOUT,
                at=self.expires_at + LAST_MINUTES,
                once=f"{self.id}:end",
                checkout_id=self.id,
            )

    def withdraw(self) -> None:
        """Nobody shall pay on it any more: the processor is told in the background."""
        self.state = CheckoutState.CLOSING
        later(Job.CLOSE_CHECKOUT, once=f"{self.id}", invoice_id=self.invoice_id)

    def close(self, *, as_: CheckoutState = CheckoutState.CLOSED) -> None:
        self.state, self.url = as_, None


def begin(
    invoice_id: UUID, *, addresses: ReturnAddresses, now: datetime, part: int | None = None
) -> Checkout:
    """The invoice's one checkout: the live one, one to open at the processor, or one to close there first.

    Its state says which. Follow-ups are promised here, so that a crash after this leaves nothing dangling.
    It asks for all that is owed, or for a `part` of it.
    """
    invoice = Invoice.here().get(invoice_id, lock=True)
    amount = invoice.owed if part is None else min(part, invoice.owed)
    refuse_unless_payable(invoice)
    unfinished = Checkout.unfinished_of(invoice.id)
    if unfinished is None:
        return _start(invoice, amount, PaymentProcessor.current(), addresses, now)
    if unfinished.amount != amount or not unfinished.fits(invoice, now=now):
        unfinished.withdraw()
    return unfinished


def _start(
    invoice: Invoice, amount: int, processor: PaymentProcessor, addresses: ReturnAddresses, now: datetime
) -> Checkout:
    member = Member.here().get(invoice.member_id)
    payment = Payment(
        id=new_id(),
        member_id=invoice.member_id,
        chapter_id=invoice.chapter_id,
        processor_id=processor.id,
        method=Method.UNKNOWN,
        amount=amount,
        currency=invoice.currency,
    )
    checkout_id = new_id()
    checkout = Checkout(
        id=checkout_id,
        organization_id=tenancy.organization_id(),
        invoice_id=invoice.id,
        payment_id=payment.id,
        processor_id=processor.id,
        attempt=next_attempt(invoice.id),
        amount=amount,
        part=amount < invoice.owed,
        state=CheckoutState.OPENING,
        expires_at=(now + LIFETIME).replace(microsecond=0),
        asked={
            "description": f"Invoice {invoice.number}",
            "email": member.email,
            "success_url": addresses.done.replace("{checkout}", str(checkout_id)),
            "cancel_url": addresses.canceled,
        },
    )
    db.session.add(payment)
    db.session.flush()
    db.session.add(checkout)
    later(
        Job.LOOK_UP_CHECKOUT,
        at=now + timedelta(minutes=1),
        once=f"{checkout.id}:start",
        checkout_id=checkout.id,
    )
    db.session.flush()
    return checkout


def next_attempt(invoice_id: UUID) -> int:
    highest = select(func.max(Checkout.attempt)).where(
        Checkout.organization_id == tenancy.organization_id(), Checkout.invoice_id == invoice_id
    )
    return (db.session.scalar(highest) or 0) + 1


@dataclass(frozen=True)
class Held:
    """A checkout with its payment and its invoice, all locked for change."""

    checkout: Checkout
    payment: Payment
    invoice: Invoice


def hold(checkout_id: UUID) -> Held:
    """Lock invoice, payment and checkout, always in this order."""
    found = Checkout.here().get(checkout_id)
    invoice = Invoice.here().get(found.invoice_id, lock=True)
    payment = Payment.here().get(found.payment_id, lock=True)
    return Held(Checkout.here().get(checkout_id, lock=True), payment, invoice)


def asked_in_vain(checkout_id: UUID) -> None:
    """No answer: the page may exist or not. The next look asks the same question with the same key."""
    held = hold(checkout_id)
    if held.checkout.state is CheckoutState.OPENING and held.payment.state is PaymentState.STARTED:
        held.payment.state = PaymentState.UNKNOWN


def refused(checkout_id: UUID, sentence: str) -> None:
    """The processor said no: this attempt is over, and the next one is a new attempt."""
    held = hold(checkout_id)
    if held.checkout.is_unfinished and held.checkout.session_reference is None:
        held.checkout.close()
        held.payment.advance(PaymentState.FAILED)
        held.payment.failure_message = sentence
