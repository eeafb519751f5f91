"""An invitation is mailed to an address; whoever opens its link in time takes the role. Single use.

The link's token is computed from the invitation and the application's secret, so the mailer can make it and
neither the outbox nor the table holds it.
"""

import base64
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column, selectinload

from webapp.core import clock
from webapp.core.audit import record
from webapp.core.crypto import signature, token_hash
from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references, references_organization
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.jobs import Job, later
from webapp.domain.organizations import roles
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login, clean_email
from webapp.domain.organizations.member import Member
from webapp.domain.organizations.roles import Role, RoleName

LASTS = timedelta(days=14)


class InvitationOver(Conflict):
    """It was taken, withdrawn, or is too old."""

    next_step = "If you can't sign in, ask whoever invited you to send a new invitation."


class Invitation(OrganizationRow, Base):
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

    chapter: Mapped[Chapter | None] = belongs_to("Invitation.chapter_id", "Chapter")
    member: Mapped[Member | None] = belongs_to("Invitation.member_id", "Member")

    __table_args__ = (
        references_organization(),
        references("chapters", "chapter_id"),
        references("members", "member_id"),
        CheckConstraint(roles.CHAPTER_GOES_WITH_TREASURER, "chapter_goes_with_treasurer"),
        CheckConstraint(roles.MEMBER_GOES_WITH_MEMBER, "member_goes_with_member"),
        Index(
            "ix_invitations_member", "organization_id", "member_id", postgresql_where="member_id IS NOT NULL"
        ),
        Index("uq_invitations_token_hash", "organization_id", "token_hash", unique=True),
        Index(
            "uq_invitations_open",
            "organization_id",
            "email",
            "role",
            "chapter_id",
            "member_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where="accepted_at IS NULL AND withdrawn_at IS NULL",
        ),
    )

    @property
    def offer(self) -> str:
        """`treasurer of Alpha Chapter`; the chapter must be loaded."""
        return f"{self.role.label} of {self.chapter.name}" if self.chapter else self.role.label

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()

    def refuse_if_over(self) -> None:
        if self.accepted_at is not None:
            raise InvitationOver("This invitation has been accepted already.", next_step="Sign in instead.")
        if self.withdrawn_at is not None:
            raise InvitationOver("This invitation was withdrawn.")
        if self.is_expired:
            raise InvitationOver(f"This invitation was open for {LASTS.days} days and is over.")

    def send_again(self, *, by: Login | None) -> None:
        """Another mail, and the full time again."""
        if self.accepted_at is not None or self.withdrawn_at is not None:
            raise InvitationOver("This invitation is not open any more.")
        self.expires_at = clock.now() + LASTS
        record("invitation_sent_again", self, by=by, after={"email": self.email})
        _mail(self)

    def withdraw(self, *, by: Login) -> None:
        if self.accepted_at is not None:
            raise InvitationOver("This invitation has been accepted already. Remove the role instead.")
        if self.withdrawn_at is None:
            self.withdrawn_at = clock.now()
            record("invitation_withdrawn", self, by=by, before={"email": self.email})

    def take(self, login: Login) -> Role:
        """The login gets the role, and has to sign in again to use it."""
        self.refuse_if_over()
        chapter = Chapter.here().get(self.chapter_id) if self.chapter_id else None
        member = Member.here().get(self.member_id, lock=True) if self.member_id else None
        self.accepted_at = clock.now()
        record("invitation_accepted", self, by=login, after={"email": self.email})
        return roles.grant(login, self.role, chapter=chapter, member=member, by=login)


def invite(
    email: str,
    role: RoleName,
    *,
    chapter: Chapter | None = None,
    member: Member | None = None,
    by: Login | None,
    secret: str,
) -> Invitation:
    """Mail an invitation. An open one for the same role is sent again instead."""
    email = clean_email(email)
    columns = roles.holder(role, chapter, member)
    _refuse_if_held(email, columns)
    found = Invitation.here().first(
        Invitation.email == email,
        Invitation.accepted_at.is_(None),
        Invitation.withdrawn_at.is_(None),
        *roles.same(Invitation, columns),
        lock=True,
    )
    if found is not None:
        found.send_again(by=by)
        return found
    made = Invitation(id=new_id(), email=email, expires_at=clock.now() + LASTS, **columns)
    made.invited_by_id = by.id if by else None
    made.token_hash = token_hash(token(made, secret))
    db.session.add(made)
    db.session.flush()
    record("invited", made, by=by, after={"email": email, "role": role.label})
    _mail(made)
    return made


def token(invitation: Invitation, secret: str) -> str:
    """What the link holds: 256 bits that only the application can compute."""
    sealed = signature(secret, "invitation", invitation.id.bytes)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def find(text: str, *, lock: bool = False) -> Invitation:
    """The open invitation of this link; NotFound for an unknown one, InvitationOver for one that is over."""
    statement = Invitation.here().select(Invitation.token_hash == token_hash(text))
    statement = statement.options(selectinload(Invitation.chapter))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalars(statement).first()
    if found is None:
        raise NotFound("This invitation link is not complete.", next_step="Copy all of it from the mail.")
    found.refuse_if_over()
    return found


def accept(text: str, *, name: str, password: str, signed_in: Login | None = None) -> Login:
    """Take the invitation as the person it was mailed to: with a new login, or with the one the address has.

    An address that has a login gives its password, unless that person is signed in already.
    """
    invitation = find(text, lock=True)
    login = Login.by_email(invitation.email, lock=True)
    if login is None:
        login = Login(email=invitation.email, name=name)
        db.session.add(login)
    if login.disabled_at is not None:
        raise Conflict("This login was switched off.", next_step="Ask whoever invited you.")
    if login.password_hash is None:
        login.name = name or login.name
        login.choose_password(password)
    elif (signed_in is None or signed_in.id != login.id) and not login.has_password(password):
        raise Invalid(
            "That is not the password.", fields={"password": "This is not the password of your login."}
        )
    db.session.flush()
    invitation.take(login)
    return login


def _refuse_if_held(email: str, columns: dict[str, Any]) -> None:
    login = Login.by_email(email)
    if login and Role.here().first(Role.login_id == login.id, *roles.same(Role, columns)):
        raise Conflict(f"{login.name} has this role already.")


def _mail(invitation: Invitation) -> None:
    later(Job.ANNOUNCE, what="invitation", invitation_id=invitation.id)
