"""Mail: a row per message, delivered by a job, its outcome visible."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references, references_organization
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Member


class MailKind(StrEnum):
    INVOICE = "invoice"
    RECEIPT = "receipt"
    PAYMENT_FAILED = "payment_failed"
    PAID_TWICE = "paid_twice"
    REMINDER = "reminder"
    NEW_LINK = "new_link"
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"


class MailState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


class Mail(OrganizationRow, Base):
    """`once` makes the same message a single one for ever. `at_most_once` kinds are never tried a second time.

    `dropped` means that its reason was gone when it was to be sent, and `note` says which.
    `details` holds what the template needs besides the rows, and no secret in plain text.
    """

    __tablename__ = "mails"

    kind: Mapped[MailKind]
    recipient: Mapped[str]
    once: Mapped[str]
    message_id: Mapped[str]
    invoice_id: Mapped[UUID | None]
    payment_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[MailState] = mapped_column(default=MailState.QUEUED)
    subject: Mapped[str | None]
    note: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]

    invoice: Mapped[Invoice | None] = belongs_to("Mail.invoice_id", "Invoice")
    member: Mapped[Member | None] = belongs_to("Mail.member_id", "Member")

    __table_args__ = (
        references_organization(),
        references("invoices", "invoice_id"),
        references("payments", "payment_id"),
        references("members", "member_id"),
        Index("uq_mails_once", "organization_id", "once", unique=True),
        Index("ix_mails_invoice", "organization_id", "invoice_id"),
        Index("ix_mails_created", "organization_id", "created_at"),
    )


class DailyRun(OrganizationRow, Base):
    """A day's work of one organization, done once: its unique key is what makes it so."""

    __tablename__ = "daily_runs"

    day: Mapped[date]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        references_organization(),
        Index("uq_daily_runs_day", "organization_id", "day", unique=True),
    )
