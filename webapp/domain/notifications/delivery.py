"""Mail: a row per message, delivered by a job, its outcome visible."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, tenancy
from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references, references_organization
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login, Member

CHUNK = 50
MOST_ATTEMPTS = Job.DELIVER_MAILS.work.attempts
NO_ADDRESS = "There is no email address. Print the invoice instead."


class MailKind(StrEnum):
    INVOICE = "invoice"
    RECEIPT = "receipt"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_REVERSED = "payment_reversed"
    PAID_TWICE = "paid_twice"
    CREDIT_NOTE = "credit_note"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    DISPUTE = "dispute"
    REMINDER = "reminder"
    REMINDER_TEST = "reminder_test"
    NEW_LINK = "new_link"
    CANCELLATION = "cancellation"
    INVITATION = "invitation"
    FORGOTTEN = "forgotten_password"
    SECURITY = "security_notice"
    SIGN_IN_LINK = "sign_in_link"
    ADJUSTMENT = "adjustment"
    LATE_FEE = "late_fee"
    PAYMENT_PLAN = "payment_plan"
    INSTALLMENT = "installment"
    CHAPTER_HEALTH = "chapter_health"
    STATEMENT = "statement"
    AUTOPAY = "autopay"
    APPROVAL_WAITING = "approval_waiting"
    APPROVAL_NEWS = "approval_news"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()

    @property
    def at_most_once(self) -> bool:
        """Rather not at all than twice: nobody wants to be urged twice for one debt, or told it twice."""
        return self in (MailKind.REMINDER, MailKind.INSTALLMENT, MailKind.STATEMENT)


class MailState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


class Mail(OrganizationRow, Base):
    """`once` makes the same message a single one for ever. `at_most_once` kinds are never tried twice.

    `dropped` means that its reason was gone when it was to be sent, and `note` says which.
    `details` holds what the message needs besides the rows, and no secret in plain text.
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
        Index("ix_mails_member", "organization_id", "member_id", postgresql_where="member_id IS NOT NULL"),
        Index("ix_mails_invoice", "organization_id", "invoice_id"),
        Index("ix_mails_created", "organization_id", "created_at"),
    )

    @property
    def is_waiting(self) -> bool:
        """Whether a job may still hand it over. One that was being handed over may have arrived."""
        if self.state is MailState.SENDING:
            return not self.kind.at_most_once
        return self.state is MailState.QUEUED

    @property
    def may_have_arrived(self) -> bool:
        """It was handed over, and no answer came. Known only for what is never tried twice."""
        return self.state is MailState.SENDING and self.kind.at_most_once

    @property
    def is_on_paper(self) -> bool:
        """Not sent because the member has no address: somebody prints it."""
        return self.state is MailState.DROPPED and self.note == NO_ADDRESS

    @property
    def can_be_sent_again(self) -> bool:
        if self.kind.at_most_once:
            return self.state is MailState.FAILED
        return self.state in (MailState.SENT, MailState.FAILED) or self.is_on_paper

    def begin(self, subject: str) -> None:
        """From here on it may arrive."""
        self.state, self.subject, self.attempts = MailState.SENDING, subject, self.attempts + 1

    def arrived(self) -> None:
        self.state, self.note, self.sent_at = MailState.SENT, None, func.now()

    def fail(self, reason: str) -> None:
        self.state, self.note = MailState.FAILED, reason

    def drop(self, reason: str) -> None:
        self.state, self.note = MailState.DROPPED, reason

    def put_off(self, reason: str) -> None:
        """It certainly did not arrive. The job tries again, until it is given up where a person sees it."""
        self.state, self.note = MailState.QUEUED, reason
        if self.attempts >= MOST_ATTEMPTS:
            self.fail(reason)

    def leave_open(self, reason: str) -> None:
        """Nobody knows whether it arrived: said as it is, and tried again only if twice does no harm."""
        self.note = reason
        if not self.kind.at_most_once:
            self.put_off(reason)

    def send_again(self, *, by: Login) -> None:
        """At a person's wish, to the address the member has by now. The same message id, so it shows once."""
        if not self.can_be_sent_again:
            raise Conflict("This mail can't be sent again.", next_step="It is under way, or was not needed.")
        recipient = self.member.email if self.member else self.recipient
        if not recipient:
            raise Conflict("There is no email address.", next_step="Enter one on the member's page first.")
        before = {"state": self.state.value, "recipient": self.recipient}
        self.begin_anew(recipient)
        audit.record("mail_sent_again", self, by=by, before=before, after={"recipient": recipient})
        promise_delivery([self.id])

    def begin_anew(self, recipient: str) -> None:
        self.recipient, self.state, self.note, self.attempts = recipient, MailState.QUEUED, None, 0


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


def message_id(mail_id: UUID, domain: str) -> str:
    return f"<{mail_id}@{domain}>"


def write_down(kind: MailKind, recipient: str | None, *, once: str, domain: str, **facts: Any) -> None:
    """One mail and the promise of its delivery. The same `once` again changes nothing."""
    promise_delivery(written(kind, recipient, once=once, domain=domain, **facts))


def written(
    kind: MailKind,
    recipient: str | None,
    *,
    once: str,
    domain: str,
    member_id: UUID | None = None,
    **facts: Any,
) -> list[UUID]:
    """The same without a promise: what there is to hand over for whoever does so at once."""
    mail_id = new_id()
    values = {
        "organization_id": tenancy.organization_id(),
        "id": mail_id,
        "kind": kind,
        "recipient": recipient or "",
        "once": once,
        "message_id": message_id(mail_id, domain),
        "member_id": member_id,
        "state": MailState.QUEUED if recipient else MailState.DROPPED,
        "note": None if recipient else NO_ADDRESS,
    }
    found = insert(Mail).values(**values, **facts).on_conflict_do_nothing().returning(Mail.id, Mail.state)
    return [id for id, state in db.session.execute(found) if state is MailState.QUEUED]


def promise_delivery(mail_ids: Iterable[UUID]) -> int:
    """A job for every chunk of them. How many mails."""
    rest, count = iter(mail_ids), 0
    while chunk := list(islice(rest, CHUNK)):
        later(Job.DELIVER_MAILS, mails=" ".join(str(mail_id) for mail_id in chunk))
        count += len(chunk)
    return count


def waiting(mail_ids: Sequence[UUID]) -> list[UUID]:
    """Those still to be handed over, least tried first: one that can't be sent holds up nobody else."""
    found = Mail.here().all(Mail.id.in_(mail_ids), order_by=Mail.attempts)
    return [mail.id for mail in found if mail.is_waiting]
