"""Entries of paired postings. Never updated or deleted: the database refuses; a mistake is reversed.

A posting moves one positive amount from its credit account to its debit account, so an entry that does not
balance can't be written down.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references, references_organization
from webapp.domain.ledger.chart import Account


class Event(StrEnum):
    """What happened; together with its source it may be posted once."""

    INVOICE_ISSUED = "invoice_issued"
    INVOICE_VOIDED = "invoice_voided"
    LATE_FEE = "late_fee"
    PLAN_INTEREST = "plan_interest"
    ADJUSTMENT = "adjustment"
    WRITE_OFF = "write_off"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_ALLOCATED = "payment_allocated"
    ALLOCATION_UNDONE = "allocation_undone"
    PAYMENT_RETURNED = "payment_returned"
    CREDIT_NOTE_ISSUED = "credit_note_issued"
    CREDIT_NOTE_APPLIED = "credit_note_applied"
    CREDIT_NOTE_RELEASED = "credit_note_released"
    CREDIT_NOTE_WITHDRAWN = "credit_note_withdrawn"
    REFUND = "refund"
    DISPUTE_MOVED = "dispute_moved"
    DISPUTE_LOST = "dispute_lost"
    DISPUTE_REGAINED = "dispute_regained"
    YEAR_CLOSED = "year_closed"
    REVERSAL = "reversal"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


class JournalEntry(OrganizationRow, Base):
    """One event in the books, dated by the organization's local day. `source_*` is its document."""

    __tablename__ = "journal_entries"

    event: Mapped[Event]
    dated: Mapped[date]
    description: Mapped[str]
    source_kind: Mapped[str]
    source_id: Mapped[UUID]
    reverses_id: Mapped[UUID | None]
    decision_id: Mapped[UUID]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    posted_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references("journal_entries", "reverses_id"),
        references("posting_decisions", "decision_id"),
        Index(
            "uq_journal_entries_source",
            "organization_id",
            "source_id",
            "event",
            unique=True,
            postgresql_where="reverses_id IS NULL",
        ),
        Index(
            "uq_journal_entries_reversed_once",
            "organization_id",
            "reverses_id",
            unique=True,
            postgresql_where="reverses_id IS NOT NULL",
        ),
        Index("ix_journal_entries_dated", "organization_id", "dated", "id"),
        Index("ix_journal_entries_posted_at", "organization_id", "posted_at"),
    )


def _ix_side(party: str, *account: str) -> Index:
    """The lines of one member, or of one account of a chapter, by day."""
    return Index(
        f"ix_postings_{party.removesuffix('_id')}",
        "organization_id",
        party,
        *account,
        "dated",
        "id",
        postgresql_where=f"{party} IS NOT NULL",
    )


class Posting(OrganizationRow, Base):
    """`amount` in minor units moves from credit to debit side. A side in a sub-ledger says whose.

    Its id continues its entry's id and `dated` repeats its entry's: an account reads in order without a join.
    """

    __tablename__ = "postings"

    entry_id: Mapped[UUID]
    dated: Mapped[date]
    amount: Mapped[int]
    debit_account_id: Mapped[UUID]
    credit_account_id: Mapped[UUID]
    debit_chapter_id: Mapped[UUID | None]
    credit_chapter_id: Mapped[UUID | None]
    debit_member_id: Mapped[UUID | None]
    credit_member_id: Mapped[UUID | None]

    entry: Mapped[JournalEntry] = belongs_to("Posting.entry_id", "JournalEntry")
    debit_account: Mapped[Account] = belongs_to("Posting.debit_account_id", "Account")
    credit_account: Mapped[Account] = belongs_to("Posting.credit_account_id", "Account")

    __table_args__ = (
        CheckConstraint("amount > 0", "amount_is_positive"),
        CheckConstraint(
            "debit_account_id <> credit_account_id OR debit_member_id <> credit_member_id"
            " OR debit_chapter_id <> credit_chapter_id",
            "moves_something",
        ),
        references("journal_entries", "entry_id"),
        references("accounts", "debit_account_id"),
        references("accounts", "credit_account_id"),
        references("chapters", "debit_chapter_id"),
        references("chapters", "credit_chapter_id"),
        references("members", "debit_member_id"),
        references("members", "credit_member_id"),
        Index("ix_postings_entry", "organization_id", "entry_id"),
        _ix_side("debit_member_id"),
        _ix_side("credit_member_id"),
        _ix_side("debit_chapter_id", "debit_account_id"),
        _ix_side("credit_chapter_id", "credit_account_id"),
    )


class Outcome(StrEnum):
    ALLOWED = "allowed"
    BLOCKED = "blocked"
    OVERRIDDEN = "overridden"


class PostingDecision(OrganizationRow, Base):
    """What every guard said before an entry (or a bulk run's batch of entries), kept for ever.

    `guards` maps each guard's name to true or to the sentence with which it refused.
    """

    __tablename__ = "posting_decisions"

    outcome: Mapped[Outcome]
    event: Mapped[Event]
    source_kind: Mapped[str]
    source_id: Mapped[UUID]
    guards: Mapped[dict[str, Any]]
    entries: Mapped[int] = mapped_column(default=1)
    amount: Mapped[int] = mapped_column(default=0)
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    overridden_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    reason: Mapped[str | None]
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references_organization(),
        CheckConstraint(
            "(outcome = 'overridden') = (overridden_by_id IS NOT NULL AND reason IS NOT NULL)",
            "an_override_has_a_name_and_a_reason",
        ),
        Index("ix_posting_decisions_source", "organization_id", "source_id"),
        Index("ix_posting_decisions_decided_at", "organization_id", "decided_at"),
    )
