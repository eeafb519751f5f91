"""A national admin on leave names who decides meanwhile, and until when."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.core import audit, clock
from webapp.core.db import Base, OrganizationRow, db, references_organization
from webapp.core.errors import Invalid
from webapp.domain.organizations import Login, LoginKind, Role, RoleName

LONGEST = timedelta(days=366)


class ApprovalDelegation(OrganizationRow, Base):
    """Good through `until`, that day included, while whoever gave it is a national admin."""

    __tablename__ = "approval_delegations"

    from_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    to_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    until: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]
    revoked_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))

    from_: Mapped[Login] = relationship(foreign_keys=[from_id], viewonly=True, lazy="raise")
    to: Mapped[Login] = relationship(foreign_keys=[to_id], viewonly=True, lazy="raise")

    __table_args__ = (
        references_organization(),
        CheckConstraint("from_id <> to_id", "to_somebody_else"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by_id IS NULL)", "revoked_by_somebody"),
        Index(
            "ix_approval_delegations_to", "organization_id", "to_id", postgresql_where="revoked_at IS NULL"
        ),
    )

    def is_over(self, *, on: date) -> bool:
        return self.revoked_at is not None or self.until < on

    def revoke(self, *, by: Login) -> None:
        """At once; what was decided stays decided."""
        if self.revoked_at is None:
            self.revoked_at, self.revoked_by_id = clock.now(), by.id
            audit.record("approvals no longer delegated", self, by=by, before={"until": str(self.until)})


def delegate(to: Login, *, until: date, by: Login, on: date) -> ApprovalDelegation:
    """Let a treasurer decide in the place of this national admin."""
    problems = {}
    if not on <= until <= on + LONGEST:
        problems["until"] = "Choose a day from today to a year from now."
    if to.id == by.id or to.id not in {login.id for login in candidates()}:
        problems["to"] = "Choose one of the treasurers."
    if problems:
        raise Invalid(fields=problems)
    given = ApprovalDelegation(from_id=by.id, to_id=to.id, until=until)
    db.session.add(given)
    db.session.flush()
    audit.record("approvals delegated", given, by=by, after={"to": to.name, "until": str(until)})
    return given


def candidates() -> Sequence[Login]:
    """Whom one can delegate to: treasurers. National admins decide anyhow, auditors change nothing."""
    treasurers = Role.here().select(Role.role == RoleName.TREASURER).with_only_columns(Role.login_id)
    people = select(Login).where(Login.id.in_(treasurers), Login.kind == LoginKind.PERSON)
    return db.session.scalars(people.order_by(Login.name)).all()


def delegators_of(login: Login, *, on: date, lock: bool = False) -> frozenset[UUID]:
    """In whose place this login decides on that day."""
    mine = ApprovalDelegation.here().select(
        ApprovalDelegation.to_id == login.id,
        ApprovalDelegation.until >= on,
        ApprovalDelegation.revoked_at.is_(None),
    )
    admins = mine.join(
        Role,
        (Role.organization_id == ApprovalDelegation.organization_id)
        & (Role.login_id == ApprovalDelegation.from_id)
        & (Role.role == RoleName.NATIONAL_ADMIN),
    )
    if lock:
        admins = admins.with_for_update(read=True).execution_options(populate_existing=True)
    return frozenset(row.from_id for row in db.session.scalars(admins))
