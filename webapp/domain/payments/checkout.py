"""A hosted payment page for one invoice: our row first, then the processor's page, then what became of it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import PaymentProcessor


class CheckoutState(StrEnum):
    """`opening`: our row stands, the processor was or will be asked. `live`: a page can be paid."""

    OPENING = "opening"
    LIVE = "live"
    CLOSING = "closing"
    PAID = "paid"
    PROCESSING = "processing"
    CLOSED = "closed"


class Checkout(OrganizationRow, Base):
    """`attempt` counts the checkouts of the invoice and is part of the idempotency key."""

    __tablename__ = "checkouts"

    invoice_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    processor_id: Mapped[UUID]
    attempt: Mapped[int]
    amount: Mapped[int]
    state: Mapped[CheckoutState] = mapped_column(default=CheckoutState.OPENING)
    session_reference: Mapped[str | None]
    url: Mapped[str | None]
    expires_at: Mapped[datetime | None]
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
            postgresql_where="state IN ('opening', 'live')",
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
