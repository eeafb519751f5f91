"""What a login may do in one organization, and how it is invited to."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references, references_organization
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.member import Member


class RoleName(StrEnum):
    NATIONAL_ADMIN = "national_admin"
    TREASURER = "treasurer"
    AUDITOR = "auditor"
    MEMBER = "member"


_CHAPTER_GOES_WITH_TREASURER = "(role = 'treasurer') = (chapter_id IS NOT NULL)"


class Role(OrganizationRow, Base):
    """A treasurer's role names the chapter, a member's role the member. One login may have several."""

    __tablename__ = "roles"

    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    role: Mapped[RoleName]
    chapter_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    chapter: Mapped[Chapter | None] = belongs_to("Role.chapter_id", "Chapter")
    member: Mapped[Member | None] = belongs_to("Role.member_id", "Member")

    __table_args__ = (
        references_organization(),
        references("chapters", "chapter_id"),
        references("members", "member_id"),
        CheckConstraint(_CHAPTER_GOES_WITH_TREASURER, "chapter_goes_with_treasurer"),
        CheckConstraint("(role = 'member') = (member_id IS NOT NULL)", "member_goes_with_member"),
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
    )


class Invitation(OrganizationRow, Base):
    """Mailed to an address; whoever opens its link in time takes the role. Single use."""

    __tablename__ = "invitations"

    email: Mapped[str]
    role: Mapped[RoleName]
    chapter_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    token_hash: Mapped[str]
    invited_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (
        references_organization(),
        references("chapters", "chapter_id"),
        references("members", "member_id"),
        CheckConstraint(_CHAPTER_GOES_WITH_TREASURER, "chapter_goes_with_treasurer"),
        Index("uq_invitations_token_hash", "organization_id", "token_hash", unique=True),
    )
