"""Who comes to a page, where to, and what they may do there: known after one statement."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, Uuid, bindparam, cast, func, literal, select, true
from sqlalchemy.orm import contains_eager, join, outerjoin

from webapp.core import tenancy
from webapp.core.crypto import token_hash
from webapp.core.db import db
from webapp.core.statements import made_once
from webapp.domain.organizations import sessions
from webapp.domain.organizations.access import Access, Held
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.sessions import LoginSession


@dataclass(frozen=True)
class Arrival:
    """The organization of an address and the session of a browser, as far as they exist and are alive, and
    what its person may do in that organization."""

    organization: Organization | None
    session: LoginSession | None
    access: Access = field(default_factory=Access)


def arrive(slug: str | None, token: str | None, *, chapter: str = "", list_at: str = "") -> Arrival:
    """Look them up, and act for them from now on. About `chapter` and `list_at` access is asked."""
    asked = {"slug": slug, "hashed": token_hash(token) if token else None}
    about = {"chapter": chapter, "list_at": list_at}
    if tenancy.tells_by_asking(db.session()):
        rows = tenancy.enter_as(db.session(), _who_with_roles(), asked | about)
        organization, session, *_ = rows[0]
        return Arrival(organization, session, Access.found([row[2:-2] for row in rows if row[2]]))
    [(organization, session, *_)] = tenancy.enter_as(db.session(), _who(), asked)
    if organization is None or session is None:
        return Arrival(organization, session)
    return Arrival(organization, session, Access.of(session.login, organization, **about))


@made_once
def _who() -> Select[*tuple[Any, ...]]:
    told = tenancy.telling(organization=Organization.id, login=Login.id)
    return _arriving(told.c.organization, told.c.login).join(told, true())


@made_once
def _who_with_roles() -> Select[*tuple[Any, ...]]:
    """Roles are those of whom the transaction was told, so they are looked up when it was."""
    told = tenancy.telling(organization=Organization.id, login=Login.id)
    here, person = (cast(func.nullif(who, ""), Uuid) for who in (told.c.organization, told.c.login))
    held = Held(here, person)
    arriving = _arriving(*held.columns, told.c.organization, told.c.login)
    return held.complete(arriving.join(told, true()).outerjoin(held.role, true()))


def _arriving(*columns: Any) -> Select[*tuple[Any, ...]]:
    asked = select(literal(1).label("once")).subquery("asked")
    alive = join(LoginSession, Login, Login.id == LoginSession.login_id)
    there = outerjoin(asked, Organization, Organization.slug == bindparam("slug"))
    return (
        select(Organization, LoginSession, *columns)
        .select_from(outerjoin(there, alive, sessions.is_alive(bindparam("hashed"))))
        .options(contains_eager(LoginSession.login))
    )
