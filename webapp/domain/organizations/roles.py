"""What a login may do in one organization, who gave it, and who takes it away."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from webapp.core import tenancy
from webapp.core.audit import record
from webapp.core.db import Base, OrganizationRow, belongs_to, db, references, references_organization
from webapp.core.errors import Conflict, Invalid
from webapp.domain.organizations import sessions
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login, LoginKind
from webapp.domain.organizations.member import Member
from webapp.domain.organizations.organization import Organization


class RoleName(StrEnum):
    NATIONAL_ADMIN = "national_admin"
    TREASURER = "treasurer"
    AUDITOR = "auditor"
    MEMBER = "member"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ")


CHAPTER_GOES_WITH_TREASURER = "(role = 'treasurer') = (chapter_id IS NOT NULL)"
MEMBER_GOES_WITH_MEMBER = "(role = 'member') = (member_id IS NOT NULL)"


class Role(OrganizationRow, Base):
    """A treasurer's role names the chapter, a member's role the member. One login may have several."""

    __tablename__ = "roles"

    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    role: Mapped[RoleName]
    chapter_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    login: Mapped[Login] = relationship(viewonly=True, lazy="raise")
    chapter: Mapped[Chapter | None] = belongs_to("Role.chapter_id", "Chapter")
    member: Mapped[Member | None] = belongs_to("Role.member_id", "Member")

    __table_args__ = (
        references_organization(),
        references("chapters", "chapter_id"),
        references("members", "member_id"),
        CheckConstraint(CHAPTER_GOES_WITH_TREASURER, "chapter_goes_with_treasurer"),
        CheckConstraint(MEMBER_GOES_WITH_MEMBER, "member_goes_with_member"),
        Index(
            "uq_roles_once",
            "organization_id",
            "login_id",
            "role",
            "chapter_id",
            "member_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_roles_login", "login_id"),
        Index("ix_roles_member", "organization_id", "member_id", postgresql_where="member_id IS NOT NULL"),
    )


class LastAdmin(Conflict):
    message = "This is the only national admin. Without one, nobody could let people in any more."
    next_step = "Invite another national admin first."


def of(login: Login) -> Sequence[Role]:
    """Every role of this login, in all its organizations."""
    with tenancy.seen_by(login.id):
        return db.session.scalars(select(Role).where(Role.login_id == login.id).order_by(Role.id)).all()


def organizations_of(login: Login) -> Sequence[Organization]:
    """Where the login has a role, by name."""
    where = select(Role.organization_id).where(Role.login_id == login.id)
    found = select(Organization).where(Organization.id.in_(where)).order_by(Organization.name)
    with tenancy.seen_by(login.id):
        return db.session.scalars(found).all()


def record_everywhere(
    action: str,
    login: Login,
    *,
    by: Login | None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """What happened to a login concerns every organization it has a role in."""
    for organization in organizations_of(login):
        with tenancy.acting_for(organization.id):
            record(action, login, by=by, after=after, reason=reason)
            db.session.flush()


def is_national_admin(login: Login) -> bool:
    """Anywhere."""
    return any(role.role is RoleName.NATIONAL_ADMIN for role in of(login))


def session_limits(login: Login) -> sessions.Limits:
    """Whoever may see other people's money has to sign in more often."""
    staff = any(role.role is not RoleName.MEMBER for role in of(login))
    return sessions.FOR_STAFF if staff else sessions.FOR_MEMBERS


def holder(role: RoleName, chapter: Chapter | None, member: Member | None) -> dict[str, Any]:
    """The columns that say what a role is for; Invalid when it lacks its chapter or member."""
    if (role is RoleName.TREASURER) != (chapter is not None):
        raise Invalid(
            "A treasurer's role needs a chapter, and no other role has one.",
            fields={"chapter": "Choose the chapter for a treasurer, and none for another role."},
        )
    if (role is RoleName.MEMBER) != (member is not None):
        raise Invalid("A member's role needs the member, and no other role has one.")
    return {
        "role": role,
        "chapter_id": chapter.id if chapter else None,
        "member_id": member.id if member else None,
    }


def same(kind: type[OrganizationRow], columns: dict[str, Any]) -> list[ColumnElement[bool]]:
    """The rows with exactly these values, an empty one included."""
    return [getattr(kind, name).is_not_distinct_from(value) for name, value in columns.items()]


def grant(
    login: Login,
    role: RoleName,
    *,
    chapter: Chapter | None = None,
    member: Member | None = None,
    by: Login | None,
) -> Role:
    """Give it, or find that it is there already. The login has to sign in again to use it."""
    columns = holder(role, chapter, member)
    found = Role.here().first(Role.login_id == login.id, *same(Role, columns))
    if found is not None:
        return found
    given = Role(login_id=login.id, **columns)
    db.session.add(given)
    db.session.flush()
    if member is not None:
        member.login_id = login.id
    sessions.end_all(login)
    record("role_granted", given, by=by, after=_described(given, login, chapter))
    return given


def remove(role: Role, *, by: Login | None) -> None:
    """Take it away, at once: whoever had it is signed out everywhere."""
    login = db.session.get_one(Login, role.login_id)
    if role.role is RoleName.NATIONAL_ADMIN and len(_admins(lock=True)) <= 1:
        raise LastAdmin
    if role.member_id is not None:
        Member.here().get(role.member_id, lock=True).login_id = None
    chapter = Chapter.here().get(role.chapter_id) if role.chapter_id else None
    record("role_removed", role, by=by, before=_described(role, login, chapter))
    db.session.delete(role)
    sessions.end_all(login)


def national_admins() -> list[str]:
    """Their names: whom to ask in this organization."""
    return [role.login.name for role in _admins(lock=False)]


def _admins(*, lock: bool) -> Sequence[Role]:
    statement = (
        Role.here()
        .select(Role.role == RoleName.NATIONAL_ADMIN, Login.kind == LoginKind.PERSON)
        .join(Role.login)
        .options(contains_eager(Role.login))
        .order_by(Role.id)
    )
    if lock:
        statement = statement.with_for_update(of=Role)
    return db.session.scalars(statement).all()


def _described(role: Role, login: Login, chapter: Chapter | None) -> dict[str, Any]:
    described = {"person": login.name, "email": login.email, "role": role.role.label}
    return described | ({"chapter": chapter.code} if chapter else {})
