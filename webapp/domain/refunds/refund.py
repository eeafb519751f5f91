"""Money that goes back."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, clock
from webapp.core.db import Base, OrganizationRow, belongs_to, references
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.organizations import Login
from webapp.domain.payments.payment import Payment


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Refund(OrganizationRow, Base):
    """`amount` in minor units. `requested_by_id` is null when somebody made it at the processor itself."""

    __tablename__ = "refunds"

    payment_id: Mapped[UUID]
    amount: Mapped[int]
    state: Mapped[RefundState]
    processor_reference: Mapped[str | None]
    reinstates_debt: Mapped[bool] = mapped_column(default=False)
    refunded_on: Mapped[date]
    reason: Mapped[str | None]
    requested_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    failed_at: Mapped[datetime | None]
    failure_handled_at: Mapped[datetime | None]
    failure_handled_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))

    payment: Mapped[Payment] = belongs_to("Refund.payment_id", "Payment")

    __table_args__ = (
        references("payments", "payment_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        Index(
            "uq_refunds_processor_reference",
            "organization_id",
            "processor_reference",
            unique=True,
            postgresql_where="processor_reference IS NOT NULL",
        ),
        Index("ix_refunds_payment", "organization_id", "payment_id"),
        Index(
            "ix_refunds_failed",
            "organization_id",
            postgresql_where="failed_at IS NOT NULL AND failure_handled_at IS NULL",
        ),
    )

    def fail(self) -> None:
        """The money did not arrive, perhaps days later. Member and officers hear of it once."""
        self.state, self.failed_at = RefundState.FAILED, clock.now()
        later(Job.ANNOUNCE, once=f"refund_failed:{self.id}", what="refund_failed", refund_id=self.id)

    def settle_failure(self, *, by: Login) -> None:
        """Somebody gave the money back another way, or agreed with the member to keep it."""
        if self.failed_at is None:
            raise Conflict("This refund has not failed.")
        if self.failure_handled_at is None:
            self.failure_handled_at, self.failure_handled_by_id = clock.now(), by.id
            audit.record("refund failure handled", self, by=by, after={"amount": self.amount})
