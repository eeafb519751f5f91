"""Who can sign in, and the sessions they have open. A login is a person, or a program with a token."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, new_id, references_organization


class LoginKind(StrEnum):
    PERSON = "person"
    PROGRAM = "program"


class Login(Base):
    __tablename__ = "logins"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[LoginKind] = mapped_column(default=LoginKind.PERSON)
    email: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    shortcuts: Mapped[bool] = mapped_column(default=True)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("email = lower(email)", "email_is_lower_case"),
        CheckConstraint("kind = 'program' OR email IS NOT NULL", "a_person_has_an_email"),
    )


class LoginSession(Base):
    """One signed-in browser. The cookie holds the token, the table its hash, so it can be ended from afar."""

    __tablename__ = "login_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None]
    browser: Mapped[str | None]


class ApiToken(OrganizationRow, Base):
    """A program's key to one organization. Acts as its own login, whose role says what it may do."""

    __tablename__ = "api_tokens"

    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    name: Mapped[str]
    token_hash: Mapped[str]
    created_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        references_organization(),
        Index("uq_api_tokens_token_hash", "organization_id", "token_hash", unique=True),
    )
