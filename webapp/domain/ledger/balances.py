"""Balances per account and chapter, and per account and member, kept in the transaction of each posting."""

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references


class ChapterBalance(OrganizationRow, Base):
    """Sums of one account in one chapter (`chapter_id` null: national), in minor units since the beginning."""

    __tablename__ = "chapter_balances"

    account_id: Mapped[UUID]
    chapter_id: Mapped[UUID | None]
    debits: Mapped[int] = mapped_column(default=0)
    credits: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        references("accounts", "account_id"),
        references("chapters", "chapter_id"),
        Index(
            "uq_chapter_balances_of",
            "organization_id",
            "account_id",
            "chapter_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )


class MemberBalance(OrganizationRow, Base):
    """Sums of one sub-ledger account for one member, in minor units since the beginning."""

    __tablename__ = "member_balances"

    account_id: Mapped[UUID]
    member_id: Mapped[UUID]
    debits: Mapped[int] = mapped_column(default=0)
    credits: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        references("accounts", "account_id"),
        references("members", "member_id"),
        Index("uq_member_balances_of", "organization_id", "member_id", "account_id", unique=True),
    )
