"""A payment that the payer's bank contests, or took back: what is at stake, and until when."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import audit
from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references
from webapp.core.errors import Conflict, Invalid
from webapp.core.jobs import Job, later
from webapp.domain.organizations import Login
from webapp.domain.payments.gateway import DisputeKind, DisputeState, ProcessorDispute
from webapp.domain.payments.payment import Payment

MOST_WORDS = 10_000
ANSWERABLE = (DisputeState.INQUIRY, DisputeState.NEEDS_RESPONSE)
UNDECIDED = (*ANSWERABLE, DisputeState.INQUIRY_ANSWERED, DisputeState.UNDER_REVIEW)
CONTESTED = (DisputeState.NEEDS_RESPONSE, DisputeState.UNDER_REVIEW)
"""The money is with the payer's bank meanwhile, and the processor refunds nothing of the payment."""
INQUIRIES = (DisputeState.INQUIRY, DisputeState.INQUIRY_ANSWERED, DisputeState.INQUIRY_CLOSED)


class PaymentDisputed(Conflict):
    """The payer's bank holds the money already; a refund beside it would pay the payer twice."""

    code = "payment-disputed"
    message = "The payer's bank disputes this payment, so nothing of it can be refunded now."
    next_step = "Answer the dispute, or accept it: then the money goes back that way."


def refuse_while_disputed(payment: Payment) -> None:
    """For whoever wants to give money of this payment back. The caller holds the payment."""
    if Dispute.here().first(Dispute.payment_id == payment.id, Dispute.state.in_(CONTESTED)):
        raise PaymentDisputed


def give_way(payment: Payment, amount: int) -> None:
    """The processor gave this much back beside an open dispute: the money is gone, so less of it is held."""
    for dispute in Dispute.here().all(Dispute.payment_id == payment.id, Dispute.held > 0):
        part = min(dispute.held, max(0, amount - payment.returnable))
        dispute.held -= part
        payment.reserved -= part


class Dispute(OrganizationRow, Base):
    """Amounts in minor units. `withdrawn` is what the processor took and has not given back, `fee` likewise.

    `lost` is what of it is known to be gone; `taken` is the part of that which the payment had brought in,
    so that it is owed again. They differ when a refund had given the same money back before.
    `held` is what an open dispute blocks of the payment (Payment.reserved).
    """

    __tablename__ = "disputes"

    payment_id: Mapped[UUID]
    reference: Mapped[str]
    kind: Mapped[DisputeKind]
    state: Mapped[DisputeState]
    reason: Mapped[str]
    amount: Mapped[int]
    withdrawn: Mapped[int] = mapped_column(default=0)
    fee: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    answer_by: Mapped[datetime | None]
    answers: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    payment: Mapped[Payment] = belongs_to("Dispute.payment_id", "Payment")

    __table_args__ = (
        references("payments", "payment_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        CheckConstraint("lost BETWEEN 0 AND withdrawn", "only_what_was_withdrawn_is_lost"),
        CheckConstraint("taken BETWEEN 0 AND lost", "only_what_was_lost_is_owed_again"),
        CheckConstraint("held >= 0", "held_is_not_negative"),
        Index("uq_disputes_reference", "organization_id", "payment_id", "reference", unique=True),
        Index(
            "ix_disputes_waiting",
            "organization_id",
            "answer_by",
            postgresql_where="state IN ('inquiry', 'needs_response')",
        ),
    )

    @property
    def is_inquiry(self) -> bool:
        return self.state in INQUIRIES

    @property
    def is_undecided(self) -> bool:
        return self.state in UNDECIDED

    @property
    def is_answerable(self) -> bool:
        """Whether the payer's bank still takes an answer. A returned debit is final."""
        return self.state in ANSWERABLE and self.kind is DisputeKind.CHARGEBACK

    def time_left(self, *, now: datetime) -> timedelta | None:
        """Until the answer has to be with the bank; None when none is waited for, negative when too late."""
        return self.answer_by - now if self.is_answerable and self.answer_by else None

    def days_left(self, *, now: datetime) -> int | None:
        """Whole days, 0 on the last one."""
        left = self.time_left(now=now)
        return None if left is None else max(0, left.days)

    def take_note(self, seen: ProcessorDispute, *, asked_at: datetime) -> None:
        """What the processor says of it now, money aside."""
        self.kind, self.state, self.reason, self.amount = seen.kind, seen.state, seen.reason, seen.amount
        self.answer_by, self.answers, self.seen_at = seen.answer_by, seen.answers, asked_at

    def gone_of(self, withdrawn: int) -> int:
        """What of the withdrawn money will not come back, as far as it is decided."""
        return 0 if self.is_undecided or self.state is DisputeState.WON else withdrawn

    @property
    def at_stake(self) -> int:
        """What may still go either way, or is on its way back."""
        if self.state in CONTESTED:
            return max(self.amount, self.withdrawn)
        return self.withdrawn if self.state is DisputeState.WON else 0

    def answer(self, statement: str, *, by: Login) -> "DisputeAnswer":
        """Promise the bank our records and these words. They leave in the background, once."""
        statement = statement.strip()
        if not statement or len(statement) > MOST_WORDS:
            told = f"Say in your own words why the payment was right, in at most {MOST_WORDS:,} characters."
            raise Invalid(told, fields={"statement": told})
        return self._promise(AnswerKind.EVIDENCE, statement, by=by)

    def accept(self, *, by: Login) -> "DisputeAnswer":
        """Give in: the payer keeps the money."""
        return self._promise(AnswerKind.ACCEPTANCE, None, by=by)

    def _promise(self, kind: "AnswerKind", statement: str | None, *, by: Login) -> "DisputeAnswer":
        if not self.is_answerable:
            raise Conflict("The payer's bank takes no answer to this any more.")
        if kind is AnswerKind.ACCEPTANCE and self.is_inquiry:
            raise Conflict(
                "An inquiry can't be accepted: no money was taken yet.",
                next_step="Answer it, or refund the payment.",
            )
        if DisputeAnswer.promised_for(self) is not None:
            raise Conflict("An answer to this is on its way already.")
        promised = DisputeAnswer(
            id=new_id(), dispute_id=self.id, kind=kind, statement=statement, promised_by_id=by.id
        )
        db.session.add(promised)
        db.session.flush()
        later(Job.SEND_DISPUTE_ANSWER, once=str(promised.id), answer_id=promised.id)
        audit.record(f"dispute_{kind}", self, by=by, after={"amount": self.amount, "statement": statement})
        return promised


class EntryKind(StrEnum):
    """The first three are the processor's money, the others what it means to us.

    `lost`: gone for good. `regained`: not after all. `covered`: a refund that had cost it twice has failed.
    """

    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"
    FEE = "fee"
    LOST = "lost"
    REGAINED = "regained"
    COVERED = "covered"


class DisputeEntry(OrganizationRow, Base):
    """One step of a dispute that reached the books. `fee` is negative when the processor gave it back.
    `taken` is what of the amount the payment lost by it, negative when it has that again.

    `reference` names the processor's own record; what we concluded ourselves has none.
    """

    __tablename__ = "dispute_entries"

    dispute_id: Mapped[UUID]
    kind: Mapped[EntryKind]
    amount: Mapped[int]
    fee: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int | None]
    reference: Mapped[str | None]
    booked_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references("disputes", "dispute_id"),
        CheckConstraint("amount >= 0 AND (amount > 0 OR fee <> 0)", "moves_something"),
        CheckConstraint(
            "(reference IS NULL) = (kind IN ('lost', 'regained', 'covered'))",
            "its_money_has_a_reference",
        ),
        Index(
            "uq_dispute_entries_reference",
            "organization_id",
            "dispute_id",
            "reference",
            unique=True,
            postgresql_where="reference IS NOT NULL",
        ),
        Index("ix_dispute_entries_dispute", "organization_id", "dispute_id"),
    )

    @classmethod
    def of(cls, dispute: Dispute) -> Sequence[Self]:
        return cls.here().all(cls.dispute_id == dispute.id, order_by=cls.id)


class AnswerKind(StrEnum):
    EVIDENCE = "evidence"
    ACCEPTANCE = "acceptance"


class AnswerState(StrEnum):
    PROMISED = "promised"
    SENT = "sent"
    REFUSED = "refused"


class DisputeAnswer(OrganizationRow, Base):
    """What somebody decided to tell the payer's bank. Its id is the key under which the processor is told."""

    __tablename__ = "dispute_answers"

    dispute_id: Mapped[UUID]
    kind: Mapped[AnswerKind]
    statement: Mapped[str | None]
    state: Mapped[AnswerState] = mapped_column(default=AnswerState.PROMISED)
    refusal: Mapped[str | None]
    promised_by_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]

    promised_by: Mapped[Login | None] = relationship(viewonly=True, lazy="raise")

    __table_args__ = (
        references("disputes", "dispute_id"),
        CheckConstraint("(kind = 'evidence') = (statement IS NOT NULL)", "evidence_has_words"),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", "a_refusal_says_why"),
        Index(
            "uq_dispute_answers_promised",
            "organization_id",
            "dispute_id",
            unique=True,
            postgresql_where="state = 'promised'",
        ),
        Index("ix_dispute_answers_dispute", "organization_id", "dispute_id"),
    )

    @classmethod
    def promised_for(cls, dispute: Dispute) -> Self | None:
        return cls.here().first(cls.dispute_id == dispute.id, cls.state == AnswerState.PROMISED)

    def settle(self, refusal: str | None = None) -> None:
        """The processor has it, or said why it does not take it. Said twice counts once."""
        if self.state is AnswerState.PROMISED:
            self.state = AnswerState.REFUSED if refusal else AnswerState.SENT
            self.refusal, self.settled_at = refusal, func.now()
