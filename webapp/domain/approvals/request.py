"""One row in the approval queue: what somebody asked for, and what somebody else said to it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import audit, clock
from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references
from webapp.core.errors import Conflict, Invalid, NotAllowed, Refusal
from webapp.core.jobs import Job, later
from webapp.domain.approvals import policy
from webapp.domain.approvals.action import Action
from webapp.domain.approvals.order import canonical
from webapp.domain.approvals.powers import may_decide
from webapp.domain.approvals.state import IS_DECIDED, IS_OPEN, OPEN, ApprovalState
from webapp.domain.organizations import ApiToken, Chapter, Login, Member, tokens
from webapp.domain.organizations.access import Access

_CHANGING = ("state", "remark", "decided_by_id", "decided_by_token_id", "decided_at", "decision_reason")


class AlreadyDecided(Conflict):
    code = "already-decided"


class NotWhatWasApproved(Conflict):
    """What the request is about was changed since it was asked for."""

    code = "not-what-was-approved"
    message = "This is not what was asked for any more: it was changed meanwhile. Nothing was done."
    next_step = "Deny this request and ask for it again as it is now."


class ApprovalRequest(OrganizationRow, Base):
    """`order` is canonical JSON of exactly what will be done, `order_digest` its SHA-256 in hex, `cap` the
    most that whoever asked could have done alone (null: never alone). Amounts in minor units.

    Once asked, none of this changes: the application may only write the columns that come after `reason`.
    `requested_by_id` is the person, also behind a token; null when a member asked by a link.
    """

    __tablename__ = "approval_requests"

    action: Mapped[Action]
    subject_id: Mapped[UUID]
    member_id: Mapped[UUID]
    chapter_id: Mapped[UUID]
    invoice_id: Mapped[UUID | None]
    payment_id: Mapped[UUID | None]
    amount: Mapped[int]
    currency: Mapped[str]
    order: Mapped[str]
    order_digest: Mapped[str]
    cap: Mapped[int | None]
    requested_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    requested_by_token_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reason: Mapped[str]
    state: Mapped[ApprovalState] = mapped_column(default=ApprovalState.PENDING)
    remark: Mapped[str | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    decided_by_token_id: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]

    member: Mapped[Member] = belongs_to("ApprovalRequest.member_id", "Member")
    chapter: Mapped[Chapter] = belongs_to("ApprovalRequest.chapter_id", "Chapter")
    requested_by: Mapped[Login | None] = relationship(
        foreign_keys=[requested_by_id], viewonly=True, lazy="raise"
    )
    decided_by: Mapped[Login | None] = relationship(foreign_keys=[decided_by_id], viewonly=True, lazy="raise")
    requested_by_token: Mapped[ApiToken | None] = belongs_to(
        "ApprovalRequest.requested_by_token_id", "ApiToken"
    )

    __table_args__ = (
        references("members", "member_id"),
        references("chapters", "chapter_id"),
        references("invoices", "invoice_id"),
        references("payments", "payment_id"),
        references("api_tokens", "requested_by_token_id"),
        references("api_tokens", "decided_by_token_id"),
        CheckConstraint("decided_by_id <> requested_by_id", "four_eyes"),
        CheckConstraint(
            f"({IS_DECIDED}) = (decided_at IS NOT NULL) AND ({IS_DECIDED}) = (decided_by_id IS NOT NULL)",
            "decided_exactly_when_approved_or_denied",
        ),
        CheckConstraint("state <> 'denied' OR decision_reason <> ''", "denied_with_a_reason"),
        CheckConstraint(
            "order_digest = encode(sha256(convert_to(\"order\", 'UTF8')), 'hex')", "digest_is_the_orders"
        ),
        CheckConstraint("amount > 0", "amount_is_positive"),
        CheckConstraint("cap >= 0", "cap_is_not_negative"),
        CheckConstraint("reason <> ''", "asked_with_a_reason"),
        Index(
            "uq_approval_requests_open_subject",
            "organization_id",
            "action",
            "subject_id",
            unique=True,
            postgresql_where=IS_OPEN,
        ),
        Index("ix_approval_requests_state", "organization_id", "state", "id"),
        Index("ix_approval_requests_member", "organization_id", "member_id"),
        Index("ix_approval_requests_requested_by", "organization_id", "requested_by_id"),
    )

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def terms(self) -> dict[str, Any]:
        """What was ordered, as data."""
        read: dict[str, Any] = json.loads(self.order)
        return read

    @property
    def title(self) -> str:
        return f"{self.action.label.capitalize()} for {self.member.name}"

    @property
    def requester(self) -> str:
        """In words."""
        if self.requested_by is None:
            return f"{self.member.name}, by a link"
        token = self.requested_by_token
        if token is None or token.name == self.requested_by.name:
            return self.requested_by.name
        return f"{self.requested_by.name}, through “{token.name}”"

    def is_asked_by(self, login: Login) -> bool:
        return self.requested_by_id is not None and self.requested_by_id == tokens.behind(login).person_id

    def approve(self, *, by: Login, seen: str, carry_out: "Mapping[Action, Deed]", on: date) -> None:
        """Do what was ordered, in this transaction. `seen` is the digest of what the decider looked at."""
        self._take()
        if seen != self.order_digest:
            raise Conflict("What you looked at is not what stands here.")
        with self._noting_refusals(by):
            self._refuse_decider(by, on=on)
            self._refuse_if_asker_left()
            self._decide(ApprovalState.APPROVED, by=by)
            carry_out[self.action](self, by, on)

    def deny(self, *, by: Login, reason: str, tell: "Mapping[Action, Deed]", on: date) -> None:
        """Nothing of it happens. `tell` lets the subject know."""
        self._take()
        with self._noting_refusals(by):
            self._refuse_decider(by, on=on)
            self._decide(ApprovalState.DENIED, by=by, reason=stated(reason, "reason"))
            tell[self.action](self, by, on)

    def hold(self, *, by: Login, reason: str, on: date) -> None:
        """Not now: it waits apart, and whoever asked is told why."""
        self._set_aside(ApprovalState.HELD, "held", by=by, remark=stated(reason, "reason"), on=on)

    def ask_back(self, *, by: Login, question: str, on: date) -> None:
        """It waits until whoever asked has answered."""
        if self.requested_by_id is None:
            raise Conflict(
                "Whoever asked for this used a link and can't answer here.",
                next_step="Write to the member, or hold the request meanwhile.",
            )
        remark = stated(question, "question")
        self._set_aside(ApprovalState.ASKED_BACK, "asked back", by=by, remark=remark, on=on)

    def answer(self, *, by: Login, text: str) -> None:
        """Back to those that wait for a decision."""
        self._take()
        self._refuse_unless_asked_by(by)
        if self.state is not ApprovalState.ASKED_BACK:
            raise Conflict("Nobody has asked anything back here.")
        self.state, self.remark = ApprovalState.PENDING, stated(text, "answer")
        announce("approval_waiting", self)
        audit.record("answered", self, by=by, reason=self.remark)

    def withdraw(self, *, by: Login, tell: "Mapping[Action, Deed]", on: date) -> None:
        """Whoever asked does not want it any more."""
        self._take()
        self._refuse_unless_asked_by(by)
        self.state = ApprovalState.WITHDRAWN
        db.session.flush()
        audit.record("withdrawn", self, by=by)
        tell[self.action](self, by, on)

    def insist_on(self, order: Mapping[str, Any]) -> None:
        """For the subject, locked: what it would do now is, byte for byte, what was approved."""
        if canonical(order) != self.order:
            raise NotWhatWasApproved

    def _take(self) -> None:
        """Two who decide at once come one after the other; the second is told who was first."""
        db.session.refresh(self, _CHANGING, with_for_update=True)
        if self.state is ApprovalState.WITHDRAWN:
            raise AlreadyDecided(self.decision_reason or "This was withdrawn by whoever asked for it.")
        if not self.is_open:
            decider = db.session.get_one(Login, self.decided_by_id)
            raise AlreadyDecided(f"This was already {self.state.label} by {decider.name}.")

    def _refuse_decider(self, by: Login, *, on: date) -> None:
        if self.is_asked_by(by):
            raise NotAllowed(
                "You asked for this yourself. Somebody else has to decide it.",
                next_step="Ask another national admin.",
            )
        if Member.here().first(Member.id == self.member_id, Member.login_id == tokens.behind(by).person_id):
            raise NotAllowed(
                "This is about your own account. Somebody else has to decide it.",
                next_step="Ask another national admin.",
            )
        if not may_decide(
            by,
            self.action,
            self.amount,
            chapter_id=self.chapter_id,
            asked_by_id=self.requested_by_id,
            on=on,
            lock=True,
        ):
            raise NotAllowed("You may not decide this, or not any more.")

    def asker_who_left(self) -> Login | None:
        """Whoever asked and has lost the role that let them ask."""
        asker = self._asker()
        if asker is None:
            return None
        access = Access(policy.roles_of(asker, lock=True))
        own = any(role.member_id == self.member_id for role in access.member_roles)
        return None if own or access.can_change_chapter(self.chapter_id) else asker

    def _refuse_if_asker_left(self) -> None:
        if asker := self.asker_who_left():
            raise Conflict(
                f"{asker.name}, who asked for this, may not ask for it any more. Nothing was done.",
                next_step="Deny it. If it is right all the same, somebody else can ask for it.",
            )

    def _asker(self) -> Login | None:
        """Whose roles let the request be made: the program's own, behind a token."""
        if self.requested_by_token_id is not None:
            token = ApiToken.here().get(self.requested_by_token_id)
            return db.session.get_one(Login, token.login_id)
        return db.session.get(Login, self.requested_by_id) if self.requested_by_id else None

    def _refuse_unless_asked_by(self, login: Login) -> None:
        if not self.is_asked_by(login):
            raise NotAllowed("Only whoever asked for this can do that.")

    def _decide(self, state: ApprovalState, *, by: Login, reason: str | None = None) -> None:
        before = {"state": self.state}
        self.decided_by_id, self.decided_by_token_id = tokens.behind(by)
        self.state, self.decided_at, self.decision_reason = state, clock.now(), reason
        db.session.flush()
        after = {"state": state, "amount": self.amount, "digest": self.order_digest}
        audit.record(state.label, self, by=by, before=before, after=after, reason=reason)
        announce("approval_news", self)

    def _set_aside(self, state: ApprovalState, verb: str, *, by: Login, remark: str, on: date) -> None:
        self._take()
        with self._noting_refusals(by):
            self._refuse_decider(by, on=on)
        self.state, self.remark = state, remark
        audit.record(verb, self, by=by, reason=remark)
        announce("approval_news", self)

    @contextmanager
    def _noting_refusals(self, by: Login) -> Iterator[None]:
        """Who tried, and why it was refused, stays in the audit trail."""
        try:
            yield
        except Refusal as refusal:
            audit.record_refusal("approval refused", self, by=by, reason=refusal.message)
            raise


def announce(what: str, request: ApprovalRequest) -> None:
    """Each time is a new one: a request may be asked back and answered more than once."""
    later(Job.ANNOUNCE, what=what, approval_id=request.id, about_id=new_id())


Deed = Callable[[ApprovalRequest, Login, date], None]
"""What an action's own module does with a decided request, in the deciding transaction."""


def stated(text: str, field: str) -> str:
    """Without the blanks around it; Invalid, at this field, when nothing is left."""
    if not (text := text.strip()):
        raise Invalid(fields={field: "Say it in a sentence. Others will read it."})
    return text
