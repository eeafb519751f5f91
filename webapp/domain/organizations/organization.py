"""The tenant: its money, its day, its words."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import clock
from webapp.core.db import Base, db, new_id


class PaperSize(StrEnum):
    A4 = "A4"
    LETTER = "Letter"


@dataclass(frozen=True)
class Vocabulary:
    """What this organization calls things: `Local` for Chapter, `Resident` for Member."""

    chapter: str = "Chapter"
    chapters: str = "Chapters"
    member: str = "Member"
    members: str = "Members"
    dues: str = "Dues"
    pledge_class: str = "Pledge class"


class Organization(Base):
    __tablename__ = "organizations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    currency: Mapped[str]
    timezone: Mapped[str]
    locale: Mapped[str] = mapped_column(default="en_US")
    paper_size: Mapped[PaperSize] = mapped_column(default=PaperSize.LETTER)
    words: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    address: Mapped[str] = mapped_column(Text, default="")
    how_to_pay: Mapped[str] = mapped_column(Text, default="")
    sender_name: Mapped[str | None]
    reply_to: Mapped[str | None]
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    is_demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", "slug_is_plain"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", "currency_is_iso"),
    )

    @classmethod
    def by_slug(cls, slug: str) -> "Organization | None":
        return db.session.scalars(select(cls).where(cls.slug == slug)).first()

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(**self.words)

    @property
    def today(self) -> date:
        """The organization's local date: what "today" means in every rule."""
        return clock.today(self.timezone)

    @property
    def mail_sender(self) -> str:
        return self.sender_name or self.name
