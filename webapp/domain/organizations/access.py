"""What somebody may do in one organization: the questions that gates, views and templates ask."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import aliased, joinedload

from webapp.core.db import db
from webapp.core.statements import made_once
from webapp.domain.organizations import saved_views
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.member import Member
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.roles import Role, RoleName


@made_once
def _their_roles() -> Select[Role, Chapter | None, str | None]:
    """Each with the chapter and the list that are asked about. Put together once, for every page asks it."""
    member, named = joinedload(Role.member), aliased(Chapter)
    is_named = (named.organization_id == Role.organization_id) & (named.code == bindparam("chapter"))
    return (
        select(Role, named, saved_views.usual())
        .outerjoin(named, is_named)
        .where(Role.organization_id == bindparam("organization"), Role.login_id == bindparam("login"))
        .options(
            joinedload(Role.chapter), member.joinedload(Member.chapter), member.joinedload(Member.status)
        )
        .order_by(Role.id)
    )


@dataclass(frozen=True)
class Access:
    """The roles of one login in one organization. Without any, it is a stranger there.

    `chapter` is the one that was asked about, whatever they may do in it; `usual_view` is what they like to
    see of the list that was asked about.
    """

    roles: Sequence[Role] = field(default_factory=tuple)
    chapter: Chapter | None = None
    usual_view: str | None = None

    @classmethod
    def of(
        cls, login: Login, organization: Organization, *, chapter: str = "", list_at: str = ""
    ) -> "Access":
        """`chapter` is the code of one, `list_at` the address of a list."""
        asked = {"organization": organization.id, "login": login.id, "chapter": chapter, "list_at": list_at}
        found = db.session.execute(_their_roles(), asked).all()
        return cls([role for role, *_ in found], *found[0][1:]) if found else cls()

    def has(self, name: RoleName) -> bool:
        return any(role.role is name for role in self.roles)

    @property
    def is_stranger(self) -> bool:
        return not self.roles

    @property
    def is_national_admin(self) -> bool:
        return self.has(RoleName.NATIONAL_ADMIN)

    @property
    def is_auditor(self) -> bool:
        return self.has(RoleName.AUDITOR)

    @property
    def is_staff(self) -> bool:
        return any(role.role is not RoleName.MEMBER for role in self.roles)

    def can_read_organization(self) -> bool:
        return self.is_national_admin or self.is_auditor

    def can_change_organization(self) -> bool:
        return self.is_national_admin

    def can_read_chapter(self, chapter_id: UUID) -> bool:
        return self.can_read_organization() or self.can_change_chapter(chapter_id)

    def can_change_chapter(self, chapter_id: UUID) -> bool:
        return self.is_national_admin or chapter_id in self.chapter_ids

    @property
    def chapter_ids(self) -> list[UUID]:
        return [role.chapter_id for role in self.roles if role.chapter_id]

    @property
    def member_roles(self) -> list[Role]:
        return [role for role in self.roles if role.role is RoleName.MEMBER]
