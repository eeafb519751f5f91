"""Who has which role in the organization, as a list to search and page through."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, or_, tuple_
from sqlalchemy.orm import contains_eager, joinedload

from webapp.core.db import db
from webapp.core.errors import NotFound
from webapp.domain.organizations.invitations import Invitation
from webapp.domain.organizations.login import Login, LoginKind
from webapp.domain.organizations.roles import Role, RoleName


@dataclass(frozen=True)
class Search:
    """Without a role, the staff: members' logins would bury them."""

    text: str = ""
    role: RoleName | None = None
    chapter_id: UUID | None = None


def holders(wanted: Search) -> Select[Role]:
    """Roles of people with login, chapter and member, by name."""
    found = (
        Role.here()
        .select(Login.kind == LoginKind.PERSON)
        .join(Role.login)
        .options(contains_eager(Role.login), joinedload(Role.chapter), joinedload(Role.member))
        .order_by(Login.name, Role.id)
    )
    found = found.where(Role.role == wanted.role if wanted.role else Role.role != RoleName.MEMBER)
    if wanted.chapter_id:
        found = found.where(Role.chapter_id == wanted.chapter_id)
    if wanted.text:
        name, email = (field.icontains(wanted.text, autoescape=True) for field in (Login.name, Login.email))
        found = found.where(or_(name, email))
    return found


def page(wanted: Search, *, after: UUID | None, size: int) -> Sequence[Role]:
    """So many of them, after the role with this id."""
    found = holders(wanted).limit(size)
    last = Role.here().select(Role.id == after).options(joinedload(Role.login)) if after else None
    role = db.session.scalars(last).first() if last is not None else None
    if role is not None:
        found = found.where(tuple_(Login.name, Role.id) > (role.login.name, role.id))
    return db.session.scalars(found).all()


def open_invitations(role: RoleName | None) -> Sequence[Invitation]:
    """To this role, or to the staff; neither accepted nor withdrawn. Expired ones can be sent again."""
    found = (
        Invitation.here()
        .select(Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None))
        .where(Invitation.role == role if role else Invitation.role != RoleName.MEMBER)
        .options(joinedload(Invitation.chapter))
        .order_by(Invitation.created_at.desc())
        .limit(200)
    )
    return db.session.scalars(found).all()


def held(role_id: UUID) -> Role:
    """One role with its login, chapter and member."""
    found = (
        Role.here()
        .select(Role.id == role_id)
        .options(joinedload(Role.login), joinedload(Role.chapter), joinedload(Role.member))
    )
    role = db.session.scalars(found).first()
    if role is None:
        raise NotFound
    return role
