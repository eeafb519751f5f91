"""What a status pays, in a chapter or everywhere, and from when to when."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references
from webapp.domain.organizations import Chapter, MemberStatus

_NOWHERE = "'00000000-0000-0000-0000-000000000000'::uuid"


class DuesRate(OrganizationRow, Base):
    """Without dates it always applies. Two rates of one status and chapter never overlap: the database refuses."""

    __tablename__ = "dues_rates"

    status_id: Mapped[UUID]
    chapter_id: Mapped[UUID | None]
    amount: Mapped[int]
    effective_from: Mapped[date | None]
    effective_to: Mapped[date | None]
    set_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())

    status: Mapped[MemberStatus] = belongs_to("DuesRate.status_id", "MemberStatus")
    chapter: Mapped[Chapter | None] = belongs_to("DuesRate.chapter_id", "Chapter")

    __table_args__ = (
        references("member_statuses", "status_id"),
        references("chapters", "chapter_id"),
        CheckConstraint("amount >= 0", "amount_is_not_negative"),
        CheckConstraint("effective_from <= effective_to", "starts_before_it_ends"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("status_id", "="),
            (text(f"coalesce(chapter_id, {_NOWHERE})"), "="),
            (text("daterange(effective_from, effective_to, '[]')"), "&&"),
            name="ex_dues_rates_one_at_a_time",
            using="gist",
        ),
    )
