"""Who comes to a page, and where to: known after one statement."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, literal, select
from sqlalchemy.orm import contains_eager, join, outerjoin

from webapp.core import tenancy
from webapp.core.crypto import token_hash
from webapp.core.db import db
from webapp.core.statements import made_once
from webapp.domain.organizations import sessions
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.sessions import LoginSession


@dataclass(frozen=True)
class Arrival:
    """The organization of an address and the session of a browser, as far as they exist and are alive."""

    organization: Organization | None
    session: LoginSession | None


def arrive(slug: str | None, token: str | None) -> Arrival:
    """Look both up, and act for them from now on."""
    asked_for = {"slug": slug, "hashed": token_hash(token) if token else None}
    organization, session, *_ = tenancy.enter_as(db.session(), _question(), asked_for)
    return Arrival(organization, session)


@made_once
def _question() -> Select[*tuple[Any, ...]]:
    """Put together once, for every page asks it."""
    asked = select(literal(1).label("once")).subquery("asked")
    alive = join(LoginSession, Login, Login.id == LoginSession.login_id)
    there = outerjoin(asked, Organization, Organization.slug == bindparam("slug"))
    return (
        select(Organization, LoginSession, *tenancy.telling(organization=Organization.id, login=Login.id))
        .select_from(outerjoin(there, alive, sessions.is_alive(bindparam("hashed"))))
        .options(contains_eager(LoginSession.login))
    )
