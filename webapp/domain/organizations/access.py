"""What somebody may do in one organization: the questions that gates, views and templates ask."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.member import Member
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.roles import Role, RoleName


@dataclass(frozen=True)
class Access:
    """The roles of one login in one organization. Without any, it is a stranger there."""

    roles: Sequence[Role] = field(default_factory=tuple)

    @classmethod
    def of(cls, login: Login, organization: Organization) -> "Access":
        mine = Role.in_(organization).select(Role.login_id == login.id)
        member = joinedload(Role.member)
        loaded = mine.options(
            joinedload(Role.chapter), member.joinedload(Member.chapter), member.joinedload(Member.status)
        ).order_by(Role.id)
        return cls(db.session.scalars(loaded).all())

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

    def own_chapter(self, code: str) -> Chapter | None:
        """The chapter of this code, when its treasurer is asking."""
        mine = (role.chapter for role in self.roles if role.chapter is not None)
        return next((chapter for chapter in mine if chapter.code == code), None)

    @property
    def chapter_ids(self) -> list[UUID]:
        return [role.chapter_id for role in self.roles if role.chapter_id]

    @property
    def member_roles(self) -> list[Role]:
        return [role for role in self.roles if role.role is RoleName.MEMBER]
