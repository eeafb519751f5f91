"""What somebody may do in one organization: the questions that gates, views and templates ask."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, bindparam, select, true
from sqlalchemy.orm import aliased, contains_eager

from webapp.core.db import db
from webapp.core.statements import made_once
from webapp.domain.organizations import saved_views
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.member import Member, MemberStatus
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.roles import Role, RoleName


class Held:
    """The roles of a login as part of a question, each with the chapter and the list that are asked about.

    Each row is looked up only after those it depends on, the first after what tells the transaction whom it
    acts for: before that it would see nothing.
    """

    def __init__(self, organization: ColumnElement[UUID], login: ColumnElement[UUID]) -> None:
        role = _looked_up(Role, organization, Role.login_id == login)
        here = role.organization_id
        place = _looked_up(Chapter, here, Chapter.id == role.chapter_id)
        member = _looked_up(Member, here, Member.id == role.member_id)
        home = _looked_up(Chapter, here, Chapter.id == member.chapter_id)
        status = _looked_up(MemberStatus, here, MemberStatus.id == member.status_id)
        named = _looked_up(Chapter, here, Chapter.code == bindparam("chapter"))
        to_member = contains_eager(role.member.of_type(member))
        self.role, self._beside = role, (place, member, home, status, named)
        self.columns = role, named, saved_views.usual(here, role.login_id)
        self._loaded = (
            contains_eager(role.chapter.of_type(place)),
            to_member.contains_eager(member.chapter.of_type(home)),
            to_member.contains_eager(member.status.of_type(status)),
        )

    def complete(self, question: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """One that has the roles already, with what belongs to them."""
        for row in self._beside:
            question = question.outerjoin(row, true())
        return question.options(*self._loaded).order_by(self.role.id)


def _looked_up(kind: type[Any], organization: ColumnElement[UUID], is_meant: ColumnElement[bool]) -> Any:
    row = select(kind).where(kind.organization_id == organization, is_meant)
    return aliased(kind, row.offset(0).lateral())


@made_once
def _question() -> Select[*tuple[Any, ...]]:
    held = Held(bindparam("organization", type_=Uuid()), bindparam("login", type_=Uuid()))
    return held.complete(select(*held.columns).select_from(held.role))


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
        return cls.found(db.session.execute(_question(), asked).all())

    @classmethod
    def found(cls, rows: Sequence[Any]) -> "Access":
        """`rows` hold the columns of `Held`."""
        return cls([role for role, *_ in rows], *rows[0][1:]) if rows else cls()

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
