"""The account that is billed, and what an organization says about its members."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from webapp.core.db import Base, OrganizationRow, belongs_to, references, references_organization
from webapp.domain.organizations.chapter import Chapter


class MemberStatus(OrganizationRow, Base):
    """A status the organization defines, and whether members in it are billed."""

    __tablename__ = "member_statuses"

    code: Mapped[str]
    label: Mapped[str]
    billable: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)

    __table_args__ = (references_organization(), UniqueConstraint("organization_id", "code"))


class PledgeClass(OrganizationRow, Base):
    """Members who joined a chapter together."""

    __tablename__ = "pledge_classes"

    chapter_id: Mapped[UUID]
    name: Mapped[str]

    __table_args__ = (
        references("chapters", "chapter_id"),
        UniqueConstraint("organization_id", "chapter_id", "name"),
    )


class Member(OrganizationRow, Base):
    """`left_on` is the last day; a member who left keeps history and debts and gets no new invoices."""

    __tablename__ = "members"

    number: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    address: Mapped[str] = mapped_column(Text, default="")
    chapter_id: Mapped[UUID]
    status_id: Mapped[UUID]
    pledge_class_id: Mapped[UUID | None]
    joined_on: Mapped[date | None]
    left_on: Mapped[date | None]
    ownership_share: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    payroll_deduction: Mapped[bool] = mapped_column(default=False)
    more: Mapped[dict[str, Any]] = mapped_column(default=dict)
    changed_by_hand: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    login_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    reminders_paused_until: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    chapter: Mapped[Chapter] = belongs_to("Member.chapter_id", "Chapter")
    status: Mapped[MemberStatus] = belongs_to("Member.status_id", "MemberStatus")

    __table_args__ = (
        references("chapters", "chapter_id"),
        references("member_statuses", "status_id"),
        references("pledge_classes", "pledge_class_id"),
        UniqueConstraint("organization_id", "number"),
        CheckConstraint("ownership_share >= 0", "share_is_not_negative"),
        Index("ix_members_chapter", "organization_id", "chapter_id", "last_name"),
        Index("ix_members_email", "organization_id", "email"),
        Index("ix_members_login", "login_id"),
    )

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def sort_name(self) -> str:
        return f"{self.last_name}, {self.first_name}" if self.first_name else self.last_name

    def is_active(self, *, on: date) -> bool:
        """Joined by that day and not gone before it."""
        return (self.joined_on is None or self.joined_on <= on) and (
            self.left_on is None or self.left_on >= on
        )
