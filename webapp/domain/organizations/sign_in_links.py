"""Signing in by a link in a mail, for members: good once, for ten minutes.

The link's token is computed from the row and the application's secret, so neither the outbox nor the table
holds it. A stranger's question leaves a row as well, of nobody: the same work, and nothing to learn from it.
"""

import base64
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.crypto import signature, token_hash
from webapp.core.db import Base, database_time, db, new_id
from webapp.core.errors import Conflict, Invalid
from webapp.domain.organizations import correspondence, roles
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.roles import RoleName

LASTS = timedelta(minutes=10)


class LinkOver(Conflict):
    message = "This link was used already, or is too old."
    next_step = "Ask for a new one on the sign-in page."


class SignInLink(Base):
    """`login_id` is empty when nobody's address was typed. `browser_hash` knows the browser that asked."""

    __tablename__ = "sign_in_links"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    browser_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]

    @property
    def is_over(self) -> bool:
        return self.used_at is not None or self.expires_at <= database_time()

    def is_of(self, browser: str | None) -> bool:
        """Whether this browser asked for it."""
        return browser is not None and token_hash(browser) == self.browser_hash


def may_use(login: Login) -> bool:
    """Members may; whoever may see other people's money shows more than a mailbox."""
    held = roles.of(login)
    return bool(held) and all(role.role is RoleName.MEMBER for role in held)


def ask(email: str, browser: str, secret: str) -> None:
    """Mail a link to a member, a word to staff, and nothing to strangers; whoever asks can't tell."""
    login = Login.by_email(email)
    known = login is not None and login.disabled_at is None
    link = SignInLink(id=new_id(), browser_hash=token_hash(browser), expires_at=database_time() + LASTS)
    link.login_id = login.id if login is not None and known else None
    link.token_hash = token_hash(token(link, secret))
    db.session.add(link)
    db.session.flush()
    correspondence.write_to(link.login_id or new_id(), "sign_in_link", about=link.id)


def token(link: SignInLink, secret: str) -> str:
    """What the mail's link holds: 256 bits that only the application can compute."""
    sealed = signature(secret, "sign-in link", link.id.bytes)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def find(text: str, *, lock: bool = False) -> tuple[SignInLink, Login]:
    """The open link with this token and whose it is; LinkOver when it opens nothing any more."""
    statement = select(SignInLink).where(
        SignInLink.token_hash == token_hash(text),
        SignInLink.used_at.is_(None),
        SignInLink.expires_at > func.now(),
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    link = db.session.scalars(statement).first()
    login = db.session.get(Login, link.login_id) if link is not None and link.login_id else None
    if link is None or login is None or login.disabled_at is not None or not may_use(login):
        raise LinkOver
    return link, login


def use(text: str, *, browser: str | None, email: str) -> Login:
    """Whom it signs in. Any browser but the one that asked gives the address as well; Invalid if wrong."""
    link, login = find(text, lock=True)
    if not link.is_of(browser) and email.strip().lower() != login.email:
        raise Invalid("Not the address.", fields={"email": "This is not the address the mail went to."})
    link.used_at = database_time()
    return login
