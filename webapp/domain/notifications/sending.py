"""Handing a mail over, in steps: it is decided and written down before, and its outcome after."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from webapp.core.db import db
from webapp.domain.notifications.composing import Occasion, Pointless, compose
from webapp.domain.notifications.delivery import MOST_ATTEMPTS, Mail
from webapp.domain.notifications.letter import Letter
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Attachment, Envelope, Message, Stationery, Writer
from webapp.domain.organizations import Organization


@dataclass(frozen=True)
class Outgoing:
    """Decided: this may go now, and from here on it may have arrived."""

    mail: Mail
    organization: Organization
    message: Message
    letters: Sequence[Letter]
    specimen: bool

    def envelope(self, writer: Writer, attachments: Sequence[Attachment]) -> Envelope:
        organization = self.organization
        text, html = writer.write(self.message, stationery(organization, specimen=self.specimen))
        return Envelope(
            message_id=self.mail.message_id,
            sender_name=organization.mail_sender,
            reply_to=organization.reply_to,
            recipient=self.mail.recipient,
            subject=self.message.subject,
            text=text,
            html=html,
            attachments=attachments,
        )


def stationery(organization: Organization, *, specimen: bool) -> Stationery:
    return Stationery(
        organization_name=organization.name,
        reply_to=organization.reply_to,
        locale=organization.locale,
        currency=organization.currency,
        specimen=specimen,
    )


def prepare(mail_id: UUID, links: Links, *, test_mode: bool) -> Outgoing | None:
    """Look once more whether it is to go, and note that it goes. None when it is not, or went already."""
    mail = Mail.here().get(mail_id, lock=True)
    if not mail.is_waiting:
        return None
    if mail.attempts >= MOST_ATTEMPTS:
        mail.fail(mail.note or f"Given up after {mail.attempts} attempts.")
        return None
    organization = db.session.get_one(Organization, mail.organization_id)
    occasion = Occasion(mail, organization, links, on=organization.today, test_mode=test_mode)
    try:
        message, letters = compose(occasion)
    except Pointless as reason:
        mail.drop(reason.message)
        return None
    mail.begin(message.subject)
    return Outgoing(mail, organization, message, letters, specimen=test_mode or organization.is_demo)
