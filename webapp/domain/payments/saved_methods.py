"""Cards and bank accounts that a member has left with the processor, to be charged later. We keep what it
calls them and how they look, and never a number.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, clock
from webapp.core.db import Base, OrganizationRow, belongs_to, references
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.organizations import Login, Member
from webapp.domain.payments.on_file import MethodKind, MethodOnFile

EXPIRES_SOON = timedelta(days=45)


class MethodState(StrEnum):
    """`opening`: our row stands, the processor was or will be asked for a page. `live`: the page can be used.

    `checking`: the payer has finished there, and the processor still verifies the bank account.
    """

    OPENING = "opening"
    LIVE = "live"
    CHECKING = "checking"
    SAVED = "saved"
    GIVEN_UP = "given_up"
    REMOVED = "removed"


UNFINISHED = (MethodState.OPENING, MethodState.LIVE)


class ProcessorCustomer(OrganizationRow, Base):
    """A member as one processor knows them; without a reference until it has answered."""

    __tablename__ = "processor_customers"

    member_id: Mapped[UUID]
    processor_id: Mapped[UUID]
    reference: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references("members", "member_id"),
        references("payment_processors", "processor_id"),
        UniqueConstraint("organization_id", "member_id", "processor_id"),
    )


class SavedMethod(OrganizationRow, Base):
    """`asked` keeps the wording of the question for its page until it is answered, so that asking again is
    the same question. What the method looks like is known once it is saved; bank accounts never expire.
    """

    __tablename__ = "saved_methods"

    member_id: Mapped[UUID]
    processor_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    state: Mapped[MethodState] = mapped_column(default=MethodState.OPENING)
    asked: Mapped[dict[str, Any]]
    session_reference: Mapped[str | None]
    url: Mapped[str | None]
    page_expires_at: Mapped[datetime]
    reference: Mapped[str | None]
    kind: Mapped[MethodKind | None]
    brand: Mapped[str | None]
    last4: Mapped[str | None]
    good_through: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    saved_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    removed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    detached_at: Mapped[datetime | None]

    member: Mapped[Member] = belongs_to("SavedMethod.member_id", "Member")

    __table_args__ = (
        references("members", "member_id"),
        references("payment_processors", "processor_id"),
        references("processor_customers", "customer_id"),
        CheckConstraint(
            "(saved_at IS NOT NULL) = (reference IS NOT NULL AND kind IS NOT NULL AND last4 IS NOT NULL)"
            " AND (state NOT IN ('saved', 'removed') OR saved_at IS NOT NULL)",
            "looks_known_once_saved",
        ),
        CheckConstraint("(state = 'removed') = (removed_at IS NOT NULL)", "removed_at_some_time"),
        CheckConstraint("state <> 'live' OR url IS NOT NULL", "a_live_page_has_an_address"),
        Index(
            "uq_saved_methods_one_unfinished",
            "organization_id",
            "member_id",
            unique=True,
            postgresql_where="state IN ('opening', 'live')",
        ),
        Index(
            "uq_saved_methods_reference",
            "organization_id",
            "processor_id",
            "reference",
            unique=True,
            postgresql_where="reference IS NOT NULL",
        ),
        Index("ix_saved_methods_member", "organization_id", "member_id"),
    )

    @property
    def label(self) -> str:
        """As people call it: “Visa ending 4242”."""
        return f"{self.brand} ending {self.last4}" if self.saved_at else "A new payment method"

    @property
    def is_saved(self) -> bool:
        return self.state is MethodState.SAVED

    def expires_soon(self, *, on: date) -> bool:
        return self.good_through is not None and self.good_through < on + EXPIRES_SOON

    def has_expired(self, *, on: date) -> bool:
        return self.good_through is not None and self.good_through < on

    @property
    def names(self) -> dict[str, str]:
        """What the processor keeps with the page, so that what comes back can be traced to our row."""
        return {
            "organization_id": str(self.organization_id),
            "processor_id": str(self.processor_id),
            "member_id": str(self.member_id),
            "saved_method_id": str(self.id),
        }

    def looks(self, seen: MethodOnFile) -> None:
        """As the processor shows it now: banks send new cards, and tell."""
        self.reference, self.kind = seen.reference, seen.kind
        self.brand, self.last4 = seen.brand, seen.last4
        self.good_through = clock.day_in_month(*seen.expires, 31) if seen.expires else None

    def give_up(self) -> None:
        self.state, self.url, self.asked = MethodState.GIVEN_UP, None, {}


class MethodGone(Conflict):
    code = "method-gone"
    message = "This payment method is not saved any more."
    next_step = "Choose another one, or save a new one."


def saved_of(member_id: UUID) -> Sequence[SavedMethod]:
    """What can be charged, and what is still being verified; the latest first."""
    shown = (MethodState.SAVED, MethodState.CHECKING)
    mine = SavedMethod.member_id == member_id, SavedMethod.state.in_(shown)
    return SavedMethod.here().all(*mine, order_by=SavedMethod.id.desc())


def remove(method_id: UUID, *, member_id: UUID, by: Login) -> SavedMethod:
    """The member takes it back: from now on it is charged for nothing, and the processor forgets it."""
    mine = SavedMethod.id == method_id, SavedMethod.member_id == member_id
    method = SavedMethod.here().first(*mine, lock=True)
    if method is None or not method.is_saved:
        raise MethodGone
    _take_away(method, by=by)
    later(Job.DETACH_METHOD, once=str(method.id), method_id=method.id)
    return method


def _take_away(method: SavedMethod, *, by: Login | None) -> None:
    method.state, method.removed_at = MethodState.REMOVED, clock.now()
    method.removed_by_id = by.id if by else None
    audit.record("payment method removed", method, by=by, before={"method": method.label})


def detached(method_id: UUID) -> None:
    """The processor has let go of it, because we asked or by itself."""
    method = SavedMethod.here().get(method_id, lock=True)
    method.detached_at = method.detached_at or clock.now()
    if method.is_saved:
        _take_away(method, by=None)
