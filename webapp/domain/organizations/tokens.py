"""A program's key to one organization. It acts as a login of its own, whose role says what it may do."""

import base64
import binascii
import hmac
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Select, bindparam, func, select, update
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from webapp.core import clock, tenancy
from webapp.core.audit import record
from webapp.core.crypto import token_hash
from webapp.core.db import Base, OrganizationRow, db, references_organization
from webapp.core.errors import Invalid
from webapp.core.statements import made_once
from webapp.core.tenancy import HERE
from webapp.domain.organizations import roles
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login, LoginKind
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.roles import Role, RoleName

_PREFIX = "duesbook_"
_ORGANIZATION = 22
_SECRET = 43
_USED_EVERY = timedelta(minutes=1)


class ApiToken(OrganizationRow, Base):
    __tablename__ = "api_tokens"

    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    name: Mapped[str]
    token_hash: Mapped[str]
    created_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    login: Mapped[Login] = relationship(foreign_keys=[login_id], viewonly=True, lazy="raise")
    created_by: Mapped[Login | None] = relationship(foreign_keys=[created_by_id], viewonly=True, lazy="raise")

    __table_args__ = (
        references_organization(),
        Index("uq_api_tokens_token_hash", "organization_id", "token_hash", unique=True),
    )

    @property
    def use_is_due(self) -> bool:
        """Whether its last use was noted long enough ago to note the next."""
        return self.last_used_at is None or self.last_used_at < clock.now() - _USED_EVERY

    def revoke(self, *, by: Login) -> None:
        """From now on it opens nothing."""
        if self.revoked_at is None:
            self.revoked_at = clock.now()
            record("token_revoked", self, by=by, before={"name": self.name})


class Program(NamedTuple):
    """Who a token speaks for."""

    organization: Organization
    login: Login
    role: Role
    token: ApiToken


class Actor(NamedTuple):
    """Who answers for an act, and the token it came through, if one did."""

    person_id: UUID
    token_id: UUID | None


def behind(login: Login) -> Actor:
    """The person; for a program, whoever made its token. One that nobody signed in made stands for itself."""
    if login.kind is LoginKind.PERSON:
        return Actor(login.id, None)
    token = ApiToken.here().first(ApiToken.login_id == login.id)
    assert token is not None, "Every program has its token"
    return Actor(token.created_by_id or login.id, token.id)


def create(
    name: str, role: RoleName, *, chapter: Chapter | None = None, by: Login | None
) -> tuple[ApiToken, str]:
    """The token's row, and its text, which is known now and never again."""
    if role is RoleName.MEMBER:
        raise Invalid("A token has a role of the staff.", fields={"role": "Choose a role of the staff."})
    name = name.strip()
    if not name:
        raise Invalid("Name the token.", fields={"name": "Enter what the token is for."})
    login = Login(kind=LoginKind.PROGRAM, name=name)
    db.session.add(login)
    db.session.flush()
    roles.grant(login, role, chapter=chapter, by=by)
    text = _PREFIX + _short(tenancy.organization_id()) + "_" + secrets.token_urlsafe(32)
    made = ApiToken(
        login_id=login.id, name=name, token_hash=token_hash(text), created_by_id=by.id if by else None
    )
    db.session.add(made)
    db.session.flush()
    record("token_created", made, by=by, after={"name": name, "role": role.label})
    return made, text


def authenticate(text: str) -> Program | None:
    """The program this token belongs to, or None."""
    organization_id = _organization_in(text)
    if organization_id is None:
        return None
    hashed = token_hash(text)
    with tenancy.acting_for(organization_id):
        found = db.session.execute(_programs(), {"hashed": hashed}).first()
    if found is None:
        return None
    organization, role, token = found
    if not hmac.compare_digest(token.token_hash, hashed) or token.login.disabled_at:
        return None
    return Program(organization, token.login, role, token)


@made_once
def _programs() -> Select[Organization, Role, ApiToken]:
    """Put together once, for every call of a program asks it."""
    its_role = (Role.organization_id == ApiToken.organization_id) & (Role.login_id == ApiToken.login_id)
    return (
        select(Organization, Role, ApiToken)
        .join(ApiToken.login)
        .join(Role, its_role)
        .join(Organization, Organization.id == ApiToken.organization_id)
        .where(ApiToken.organization_id == HERE, ApiToken.token_hash == bindparam("hashed"))
        .where(ApiToken.revoked_at.is_(None))
        .options(contains_eager(ApiToken.login))
    )


def saw(token: ApiToken) -> None:
    """Note that it is in use."""
    db.session.execute(
        update(ApiToken)
        .where(ApiToken.organization_id == token.organization_id, ApiToken.id == token.id)
        .values(last_used_at=func.now()),
        execution_options={"synchronize_session": False},
    )


def _organization_in(text: str) -> UUID | None:
    if len(text) != len(_PREFIX) + _ORGANIZATION + 1 + _SECRET or not text.startswith(_PREFIX):
        return None
    try:
        raw = base64.urlsafe_b64decode(text[len(_PREFIX) : len(_PREFIX) + _ORGANIZATION] + "==")
        return UUID(bytes=raw)
    except (ValueError, binascii.Error):
        return None


def _short(organization_id: UUID) -> str:
    return base64.urlsafe_b64encode(organization_id.bytes).decode().rstrip("=")
