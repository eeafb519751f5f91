"""Mail to a login rather than to a member: it goes out on the letter paper of an organization of theirs."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.core.jobs import Job, later
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.roles import Role


def write_to(login_id: UUID, what: str, *, about: UUID | None = None) -> None:
    """Promise it; `about` is the row it speaks of.

    For somebody without a role, or for nobody's id, the very same work is done for nothing: whoever asks for
    a mail must not learn from the answer, or from its time, who has a login.
    """
    with tenancy.seen_by(login_id):
        theirs = Organization.id.in_(select(Role.organization_id).where(Role.login_id == login_id))
        organization_id = db.session.scalar(
            select(Organization.id).order_by(theirs.desc(), Organization.id).limit(1)
        )
    if organization_id is not None:
        with tenancy.acting_for(organization_id):
            row: dict[str, Any] = {"about_id": about} if about else {}
            later(Job.ANNOUNCE, what=what, login_id=login_id, **row)
