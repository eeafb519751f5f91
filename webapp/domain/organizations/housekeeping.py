"""What has served its purpose is deleted: sessions that are over, answers kept for repetitions, old links."""

from datetime import timedelta

from sqlalchemy import delete, func, or_

from webapp.core import tenancy
from webapp.core.db import db
from webapp.core.request_keys import RequestKey
from webapp.domain.organizations.drafts import KEPT, Draft
from webapp.domain.organizations.invitations import Invitation
from webapp.domain.organizations.sessions import LoginSession
from webapp.domain.organizations.sign_in_links import SignInLink

ANSWERS_KEPT = timedelta(days=7)
"""As the API's reference says of Idempotency-Keys."""
SESSIONS_KEPT = timedelta(days=30)
INVITATIONS_KEPT = timedelta(days=90)
LINKS_KEPT = timedelta(days=1)


def clear_away() -> int:
    """How many rows were deleted. Sessions and links are everybody's: the first takes them all."""
    of_organization = _delete_answers() + _delete_invitations() + _delete_drafts()
    return of_organization + _delete_sessions() + _delete_sign_in_links()


def _delete_answers() -> int:
    here = RequestKey.organization_id == tenancy.organization_id()
    old = RequestKey.created_at < func.now() - ANSWERS_KEPT
    return len(db.session.execute(delete(RequestKey).where(here, old).returning(RequestKey.id)).all())


def _delete_invitations() -> int:
    """Accepted, withdrawn and expired ones alike: all are over once they have expired."""
    here = Invitation.organization_id == tenancy.organization_id()
    old = Invitation.expires_at < func.now() - INVITATIONS_KEPT
    return len(db.session.execute(delete(Invitation).where(here, old).returning(Invitation.id)).all())


def _delete_drafts() -> int:
    here = Draft.organization_id == tenancy.organization_id()
    old = Draft.created_at < func.now() - KEPT
    return len(db.session.execute(delete(Draft).where(here, old).returning(Draft.id)).all())


def _delete_sessions() -> int:
    over = func.now() - SESSIONS_KEPT
    old = or_(
        LoginSession.ended_at < over,
        LoginSession.expires_at < over,
        LoginSession.last_seen_at + LoginSession.idle_after < over,
    )
    return len(db.session.execute(delete(LoginSession).where(old).returning(LoginSession.id)).all())


def _delete_sign_in_links() -> int:
    over = SignInLink.expires_at < func.now() - LINKS_KEPT
    return len(db.session.execute(delete(SignInLink).where(over).returning(SignInLink.id)).all())
