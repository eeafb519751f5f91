"""One thing done to many invoices or sent to many members: which, who asked, and what became of each."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import audit, clock
from webapp.core.db import Base, OrganizationRow, belongs_to, db, references, references_organization
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.billing.adjustments import AdjustmentKind, Direction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login, Member


class BulkKind(StrEnum):
    REMIND = "remind"
    SEND_AGAIN = "send_again"
    VOID = "void"
    ADJUST = "adjust"
    EXPORT = "export"
    MAIL_STATEMENTS = "mail_statements"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()

    @property
    def needs_reason(self) -> bool:
        return self in (BulkKind.VOID, BulkKind.ADJUST)

    @property
    def can_be_undone(self) -> bool:
        """Mail waits a moment before it leaves, so that whoever sees a mistake can still take it back."""
        return self in (BulkKind.REMIND, BulkKind.SEND_AGAIN, BulkKind.MAIL_STATEMENTS)

    @property
    def is_about_members(self) -> bool:
        """Not about invoices: nobody chooses it in a list of them."""
        return self is BulkKind.MAIL_STATEMENTS

    @property
    def needs_terms(self) -> bool:
        return self is BulkKind.ADJUST


@dataclass(frozen=True)
class Terms:
    """What holds for each of them: why, and for adjusting what kind and how much; for statements the days.

    `amount` is minor units; None takes off all that is owed.
    """

    reason: str | None = None
    adjustment: AdjustmentKind | None = None
    amount: int | None = None
    since: date | None = None
    until: date | None = None

    @property
    def days(self) -> tuple[date, date]:
        """Of statements."""
        assert self.since is not None and self.until is not None, "A statement is of some days"
        return self.since, self.until

    @property
    def raises(self) -> bool:
        return self.adjustment is not None and self.adjustment.directions[0] is Direction.RAISES

    @property
    def facts(self) -> dict[str, Any]:
        told = {"adjustment": self.adjustment, "amount": self.amount} if self.adjustment else {}
        days = {"since": self.since, "until": self.until}
        return told | {name: day.isoformat() for name, day in days.items() if day}


class BulkState(StrEnum):
    """`chosen` waits to be confirmed: nothing was done yet."""

    CHOSEN = "chosen"
    RUNNING = "running"
    FINISHED = "finished"


class Outcome(StrEnum):
    """`refused` was tried and could not be done; `left_out` was not tried, for the reason its note names."""

    CHOSEN = "chosen"
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    LEFT_OUT = "left_out"
    CANCELLED = "cancelled"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


UNDO_FOR = timedelta(seconds=10)


class BulkAction(OrganizationRow, Base):
    """`chosen` invoices or members of the organization, or of one chapter when its treasurer asked.

    `terms` is what was confirmed for all of them. `round` counts how often the work was set going.
    """

    __tablename__ = "bulk_actions"

    kind: Mapped[BulkKind]
    chapter_id: Mapped[UUID | None]
    state: Mapped[BulkState] = mapped_column(default=BulkState.CHOSEN)
    chosen: Mapped[int] = mapped_column(default=0)
    terms: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str | None]
    round: Mapped[int] = mapped_column(default=0)
    requested_by_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    confirmed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    requested_by: Mapped[Login] = relationship(viewonly=True, lazy="raise")

    __table_args__ = (
        references_organization(),
        references("chapters", "chapter_id"),
        CheckConstraint("(state = 'chosen') = (confirmed_at IS NULL)", "confirmed_before_it_runs"),
        CheckConstraint("(state = 'finished') = (finished_at IS NOT NULL)", "finished_at_a_moment"),
        Index("ix_bulk_actions_chapter", "organization_id", "chapter_id"),
    )

    @property
    def is_chosen(self) -> bool:
        return self.state is BulkState.CHOSEN

    @property
    def is_running(self) -> bool:
        return self.state is BulkState.RUNNING

    @property
    def agreed(self) -> Terms:
        """What was confirmed."""
        kind = self.terms.get("adjustment")
        days = {
            name: date.fromisoformat(self.terms[name]) for name in ("since", "until") if name in self.terms
        }
        return Terms(self.reason, AdjustmentKind(kind) if kind else None, self.terms.get("amount"), **days)

    @property
    def nouns(self) -> str:
        return "members" if self.kind.is_about_members else "invoices"

    def begin(self, terms: Terms, *, waiting: int, by: Login) -> None:
        """Confirmed: from here on it goes by itself."""
        self.state, self.confirmed_at = BulkState.RUNNING, clock.now()
        self.reason, self.terms = terms.reason, terms.facts
        after = {self.nouns: waiting, **terms.facts}
        audit.record(f"bulk {self.kind.value} confirmed", self, by=by, after=after, reason=terms.reason)
        self._set_going(at=clock.now() + UNDO_FOR if self.kind.can_be_undone else None)

    def cancel(self, *, by: Login) -> None:
        """What is done stays done; nobody else is touched."""
        if not self.is_running:
            raise Conflict("Only what is under way can be stopped.")
        left = self._move(Outcome.WAITING, Outcome.CANCELLED, "Stopped before it was its turn.")
        self.cancelled_at = clock.now()
        self.finish()
        audit.record(f"bulk {self.kind.value} stopped", self, by=by, after={"left": left})

    def retry(self, *, by: Login) -> None:
        """Those that were refused or stopped are tried once more, and what still waits goes on."""
        if self.is_chosen:
            raise Conflict("This was not confirmed yet.")
        again = self._move(Outcome.REFUSED, Outcome.WAITING, None)
        again += self._move(Outcome.CANCELLED, Outcome.WAITING, None)
        self.state, self.finished_at, self.cancelled_at = BulkState.RUNNING, None, None
        audit.record(f"bulk {self.kind.value} tried again", self, by=by, after={self.nouns: again})
        self._set_going()

    def finish(self) -> None:
        self.state, self.finished_at = BulkState.FINISHED, clock.now()

    def go_on(self) -> None:
        """The next slice is a job of its own, so that none outlasts its lease."""
        self._set_going()

    def _set_going(self, *, at: datetime | None = None) -> None:
        self.round += 1
        db.session.flush()
        later(Job.CARRY_OUT_BULK_ACTION, at=at, once=f"{self.id}:{self.round}", action_id=self.id)

    def _move(self, before: Outcome, now: Outcome, note: str | None) -> int:
        moved = db.session.execute(
            update(BulkResult)
            .where(
                BulkResult.organization_id == self.organization_id,
                BulkResult.action_id == self.id,
                BulkResult.outcome == before,
            )
            .values(outcome=now, note=note)
            .returning(BulkResult.id)
        )
        return len(moved.all())


class BulkResult(OrganizationRow, Base):
    """What became of one of the chosen invoices or members. `note` says why it was not done, or what came of
    it."""

    __tablename__ = "bulk_results"

    action_id: Mapped[UUID]
    invoice_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    outcome: Mapped[Outcome] = mapped_column(default=Outcome.CHOSEN)
    note: Mapped[str | None]
    done_at: Mapped[datetime | None]

    action: Mapped[BulkAction] = belongs_to("BulkResult.action_id", "BulkAction")
    invoice: Mapped[Invoice | None] = belongs_to("BulkResult.invoice_id", "Invoice")
    member: Mapped[Member | None] = belongs_to("BulkResult.member_id", "Member")

    __table_args__ = (
        references("bulk_actions", "action_id"),
        references("invoices", "invoice_id"),
        references("members", "member_id"),
        CheckConstraint("num_nonnulls(invoice_id, member_id) = 1", "of_an_invoice_or_a_member"),
        UniqueConstraint("organization_id", "action_id", "invoice_id"),
        UniqueConstraint("organization_id", "action_id", "member_id"),
        Index("ix_bulk_results_outcome", "organization_id", "action_id", "outcome", "id"),
        Index("ix_bulk_results_invoice", "organization_id", "invoice_id"),
        Index(
            "ix_bulk_results_member",
            "organization_id",
            "member_id",
            postgresql_where="member_id IS NOT NULL",
        ),
    )

    def settle(self, outcome: Outcome, note: str | None = None) -> None:
        self.outcome, self.note, self.done_at = outcome, note, clock.now()
