"""What mails to people who sign in say: of their access, and of what waits for them."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import selectinload

from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.domain.notifications import (
    health_mails,
    sign_in_wording,
)
from webapp.domain.notifications.composing.occasion import Composed, Occasion, Pointless
from webapp.domain.notifications.messages import Message
from webapp.domain.organizations import Invitation, Login, SignInLink, sign_in_links


def invitation(occasion: Occasion) -> Composed:
    statement = Invitation.here().select(Invitation.id == UUID(occasion.mail.details["invitation_id"]))
    invited = db.session.scalars(statement.options(selectinload(Invitation.chapter))).one()
    try:
        invited.refuse_if_over()
    except Conflict as over:
        raise Pointless(over.message) from over
    url = occasion.links.invitation(occasion.organization, invited)
    return sign_in_wording.invitation(occasion.voice, invited, url), []


def password_reset(occasion: Occasion) -> Composed:
    login = db.session.get_one(Login, UUID(occasion.mail.details["login_id"]))
    if login.disabled_at is not None:
        raise Pointless("This login was switched off.")
    return sign_in_wording.forgotten_password(login, occasion.links.password_reset(occasion.mail, login)), []


def sign_in_link(occasion: Occasion) -> Composed:
    """Staff hear that they have other ways in."""
    login = db.session.get_one(Login, UUID(occasion.mail.details["login_id"]))
    if not sign_in_links.may_use(login):
        return sign_in_wording.no_sign_in_link(login, occasion.links.sign_in()), []
    link = db.session.get(SignInLink, UUID(occasion.mail.details["link_id"]))
    if link is None or link.is_over:
        raise Pointless("The link was used already, or is too old.")
    return sign_in_wording.sign_in_link(login, occasion.links.sign_in_link(link)), []


def security(occasion: Occasion) -> Composed:
    login = db.session.get_one(Login, UUID(occasion.mail.details["login_id"]))
    return sign_in_wording.security_notice(login, occasion.mail.details["what"], occasion.links.account()), []


def of_approval(write: Callable[..., Message | None]) -> Callable[[Occasion], Composed]:
    def composed(occasion: Occasion) -> Composed:
        message = write(occasion.voice, occasion.links, occasion.mail)
        if message is None:
            raise Pointless("The request has gone on since.")
        return message, []

    return composed


def chapter_health(occasion: Occasion) -> Composed:
    return health_mails.message(occasion.voice, occasion.links, occasion.mail), []
