"""Changes to what an invoice says is owed, each with a kind, a reason and a name."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import audit, clock
from webapp.core.db import Base, OrganizationRow, belongs_to, db, references
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain import ledger
from webapp.domain.approvals import Action, lapse_about
from webapp.domain.ledger import Code
from webapp.domain.organizations import Login, tokens

if TYPE_CHECKING:
    from webapp.domain.billing.invoice import Invoice


class Direction(StrEnum):
    """What becomes of the amount that is owed."""

    LOWERS = "lowers"
    RAISES = "raises"

    @property
    def words(self) -> str:
        return {Direction.LOWERS: "less is owed", Direction.RAISES: "more is owed"}[self]


class AdjustmentKind(StrEnum):
    WAIVER = "waiver"
    CREDIT = "credit"
    HARDSHIP = "hardship"
    CORRECTION = "correction"
    FEE = "fee"
    OTHER = "other"
    WRITE_OFF = "write_off"

    @property
    def label(self) -> str:
        return "Write-off" if self is AdjustmentKind.WRITE_OFF else self.value.capitalize()

    @property
    def directions(self) -> Sequence[Direction]:
        """A fee adds to what is owed, a correction goes either way, all others take off."""
        if self is AdjustmentKind.CORRECTION:
            return (Direction.LOWERS, Direction.RAISES)
        return (Direction.RAISES,) if self is AdjustmentKind.FEE else (Direction.LOWERS,)

    @property
    def account(self) -> Code | None:
        """What stands against the receivable. A correction's is the income account of what was charged."""
        return {
            AdjustmentKind.CORRECTION: None,
            AdjustmentKind.FEE: Code.OTHER_INCOME,
            AdjustmentKind.WRITE_OFF: Code.BAD_DEBT,
        }.get(self, Code.WAIVERS)

    @property
    def action(self) -> Action:
        """What a limit to decide alone is about."""
        return Action.WRITE_OFF if self is AdjustmentKind.WRITE_OFF else Action.ADJUSTMENT

    @property
    def event(self) -> ledger.Event:
        return ledger.Event.WRITE_OFF if self is AdjustmentKind.WRITE_OFF else ledger.Event.ADJUSTMENT


class AdjustmentState(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return "Waits for approval" if self is AdjustmentState.REQUESTED else self.value.capitalize()


class Adjustment(OrganizationRow, Base):
    """`amount` in minor units, always positive; `direction` says whether it lowers or raises what is owed.

    `requested_by_id` is null when Duesbook charged it by itself. `decided_by_id` is the second person, null
    where none was needed. It counts in the books from the day `effective_on`. `line_id` is the invoice's line
    that a raising one added.
    """

    __tablename__ = "adjustments"

    invoice_id: Mapped[UUID]
    payment_id: Mapped[UUID | None]
    kind: Mapped[AdjustmentKind]
    direction: Mapped[Direction]
    amount: Mapped[int]
    reason: Mapped[str]
    state: Mapped[AdjustmentState] = mapped_column(default=AdjustmentState.REQUESTED)
    by_member: Mapped[bool] = mapped_column(default=False)
    requested_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    decided_at: Mapped[datetime | None]
    effective_on: Mapped[date | None]
    decision_reason: Mapped[str | None]
    line_id: Mapped[UUID | None]

    invoice: Mapped["Invoice"] = belongs_to("Adjustment.invoice_id", "Invoice")
    requested_by: Mapped[Login | None] = relationship(
        foreign_keys=[requested_by_id], viewonly=True, lazy="raise"
    )
    decided_by: Mapped[Login | None] = relationship(foreign_keys=[decided_by_id], viewonly=True, lazy="raise")

    __table_args__ = (
        references("invoices", "invoice_id"),
        references("payments", "payment_id"),
        references("invoice_lines", "line_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        CheckConstraint("reason <> ''", "asked_with_a_reason"),
        CheckConstraint(
            "CASE kind WHEN 'fee' THEN direction = 'raises' WHEN 'correction' THEN true"
            " ELSE direction = 'lowers' END",
            "direction_goes_with_kind",
        ),
        CheckConstraint("decided_by_id <> requested_by_id", "four_eyes"),
        CheckConstraint(
            "(state IN ('approved', 'denied')) = (decided_at IS NOT NULL)",
            "decided_exactly_when_approved_or_denied",
        ),
        CheckConstraint(
            "state <> 'denied' OR (decided_by_id IS NOT NULL AND decision_reason <> '')",
            "denied_by_somebody_with_a_reason",
        ),
        CheckConstraint(
            "(state = 'approved' AND direction = 'raises') = (line_id IS NOT NULL)",
            "what_it_raised_is_a_line",
        ),
        Index("ix_adjustments_invoice", "organization_id", "invoice_id"),
        Index("ix_adjustments_state", "organization_id", "state", "id"),
    )

    @property
    def change(self) -> int:
        """What it does to the amount owed: minus when it takes off."""
        return self.amount if self.direction is Direction.RAISES else -self.amount

    @property
    def told(self) -> str:
        return f"{self.kind.label}: {self.reason}"

    @property
    def is_taken_off(self) -> bool:
        """Whether the invoice owes less by it."""
        return self.state is AdjustmentState.APPROVED and self.direction is Direction.LOWERS

    @property
    def is_requested(self) -> bool:
        return self.state is AdjustmentState.REQUESTED

    def approve(self, *, by: Login | None, on: date, line_id: UUID | None = None) -> None:
        """It holds now. Only a second person is noted as who decided."""
        self._decide(AdjustmentState.APPROVED, by)
        self.effective_on, self.line_id = on, line_id

    def deny(self, *, by: Login, reason: str) -> None:
        self.decision_reason = reason
        self._decide(AdjustmentState.DENIED, by)
        self.tell()

    def withdraw(self, *, by: Login | None) -> None:
        """Whoever asked for it wants it no more, or there is nothing left to change."""
        self._refuse_unless_requested()
        self._note(AdjustmentState.WITHDRAWN, by=by)

    def tell(self) -> None:
        """The member hears of what was decided, once."""
        later(
            Job.ANNOUNCE,
            once=f"adjustment_decided:{self.id}",
            what="adjustment_decided",
            adjustment_id=self.id,
        )

    def _decide(self, state: AdjustmentState, by: Login | None) -> None:
        self._refuse_unless_requested()
        person_id = tokens.behind(by).person_id if by else None
        self.decided_at = clock.now()
        self.decided_by_id = person_id if person_id != self.requested_by_id else None
        self._note(state, by=by)

    def _note(self, state: AdjustmentState, *, by: Login | None) -> None:
        before, self.state = self.state, state
        audit.record(
            f"adjustment {state.value}",
            self,
            by=by,
            before={"state": before},
            after={"state": state, "amount": self.amount},
            reason=self.decision_reason,
        )

    def _refuse_unless_requested(self) -> None:
        if not self.is_requested:
            raise Conflict(f"This adjustment has been {self.state.value} already.")


def end_waiting(invoice_ids: Select[UUID], *, by: Login | None) -> None:
    """These invoices are void: what still waits to change them is withdrawn, and leaves the queue."""
    waiting = Adjustment.here().select(
        Adjustment.invoice_id.in_(invoice_ids), Adjustment.state == AdjustmentState.REQUESTED
    )
    held = db.session.scalars(waiting.order_by(Adjustment.id).with_for_update()).all()
    for adjustment in held:
        adjustment.withdraw(by=by)
    lapse_about([one.id for one in held], by=by, reason="The invoice was voided meanwhile.")
