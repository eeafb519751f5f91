"""Up to which amount a role acts alone, and up to which it decides what others asked for."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import product
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Select, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit
from webapp.core.db import Base, OrganizationRow, db, references_organization
from webapp.core.errors import Invalid
from webapp.domain.approvals.action import Action
from webapp.domain.organizations import Login, Role, RoleName
from webapp.domain.organizations.access import Access

RowT = TypeVar("RowT", bound=OrganizationRow)

Limit = int | None
"""Minor units, this amount included. None is no limit, 0 is never."""

OFFICERS = (RoleName.NATIONAL_ADMIN, RoleName.TREASURER)


class Right(StrEnum):
    """`alone`: without a second person. `second`: as the second person."""

    ALONE = "alone"
    SECOND = "second"


USUALLY_ALONE = frozenset({Action.PAYMENT_PLAN})
"""Where nothing is said officers do these alone: no money moves, and the other side has to agree anyhow."""

SETTLED_ELSEWHERE = (
    "NOT (role = 'national_admin' AND \"right\" = 'second')"
    " AND NOT (role = 'treasurer' AND action = 'refund' AND \"right\" = 'alone')"
)


class ApprovalPolicy(OrganizationRow, Base):
    """One limit that the organization has set. Where there is none, officers ask a second person for
    everything but payment plans and refunds within the dues settings' cap, and only national admins are that
    second person.
    """

    __tablename__ = "approval_policies"

    role: Mapped[RoleName]
    action: Mapped[Action]
    right: Mapped[Right]
    up_to: Mapped[int | None]
    set_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))

    __table_args__ = (
        references_organization(),
        UniqueConstraint("organization_id", "role", "action", "right"),
        CheckConstraint("role IN ('national_admin', 'treasurer')", "an_officer"),
        CheckConstraint(SETTLED_ELSEWHERE, "not_settled_elsewhere"),
        CheckConstraint("up_to >= 0", "limit_is_not_negative"),
    )

    @property
    def facts(self) -> dict[str, Any]:
        """For the audit trail; the limit in minor units."""
        limit = "none" if self.up_to is None else self.up_to
        return {"role": self.role, "action": self.action, "right": self.right, "limit": limit}


class Place(NamedTuple):
    """Whose limit, for what."""

    role: RoleName
    action: Action
    right: Right

    @property
    def is_settled_elsewhere(self) -> bool:
        """National admins decide any amount; a treasurer's refund cap stands in the dues settings."""
        if self.role is RoleName.NATIONAL_ADMIN:
            return self.right is Right.SECOND
        return self.action is Action.REFUND and self.right is Right.ALONE


PLACES = [
    place
    for place in (Place(*parts) for parts in product(OFFICERS, Action, Right))
    if not place.is_settled_elsewhere
]


def usual(place: Place, *, refund_cap: int) -> Limit:
    """What holds where the organization has said nothing."""
    if place.right is Right.ALONE and place.action in USUALLY_ALONE:
        return None
    return refund_cap if place.action is Action.REFUND else 0


def covers(limit: Limit, amount: int) -> bool:
    return limit is None or amount <= limit


def most(limits: Sequence[Limit]) -> Limit:
    """0 when there is none."""
    known = [limit for limit in limits if limit is not None]
    return None if len(known) < len(limits) else max(known, default=0)


def limit_of(who: Access | Login | None, action: Action, *, usual: Limit = 0, lock: bool = False) -> Limit:
    """Up to which amount somebody acts without a second person; with several roles, the most of them.

    `usual` is what holds for an officer where the policy says nothing: for refunds the dues settings' cap,
    for payment plans any amount.
    With `lock`, roles and policy are read as they are now, and stay so until this transaction ends.
    """
    if who is None:
        return 0
    roles = who.roles if isinstance(who, Access) else roles_of(who, lock=lock)
    names = {role.role for role in roles} & set(OFFICERS)
    said = limits(lock=lock)
    return most([said.get(Place(name, action, Right.ALONE), usual) for name in names])


def limits(*, lock: bool = False) -> dict[Place, Limit]:
    """What the organization has set."""
    rows = db.session.scalars(_shared(ApprovalPolicy.here().select(), lock)).all()
    return {Place(row.role, row.action, row.right): row.up_to for row in rows}


def roles_of(login: Login, *, lock: bool = False) -> Sequence[Role]:
    mine = Role.here().select(Role.login_id == login.id).order_by(Role.id)
    return db.session.scalars(_shared(mine, lock)).all()


def set_limit(place: Place, up_to: Limit, *, by: Login | None) -> None:
    """From now on. Whoever decides next is judged by it."""
    if place not in PLACES or (up_to or 0) < 0:
        raise Invalid("There is no such limit.")
    row = _locked(place)
    if row is not None and row.up_to == up_to:
        return
    before = None if row is None else row.facts
    if row is None:
        row = ApprovalPolicy(**place._asdict())
        db.session.add(row)
    row.up_to, row.set_by_id = up_to, by.id if by else None
    db.session.flush()
    audit.record("approval limit changed", row, by=by, before=before, after=row.facts)


def forget_limit(place: Place, *, by: Login | None) -> None:
    """Back to what is usual."""
    row = _locked(place)
    if row is not None:
        audit.record("approval limit changed", row, by=by, before=row.facts)
        db.session.delete(row)


def _locked(place: Place) -> ApprovalPolicy | None:
    same = (getattr(ApprovalPolicy, name) == value for name, value in place._asdict().items())
    return ApprovalPolicy.here().first(*same, lock=True)


def _shared(statement: Select[RowT], lock: bool) -> Select[RowT]:
    if not lock:
        return statement
    return statement.with_for_update(read=True).execution_options(populate_existing=True)
