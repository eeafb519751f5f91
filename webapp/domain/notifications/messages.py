"""What a mail consists of, whoever writes and carries it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from webapp.core.errors import Conflict, Unavailable


@dataclass(frozen=True)
class Message:
    """What is to be said, once for the text part and the HTML part. Amounts are minor units.

    `amount` is the one figure that matters, `rows` what it is made of, `total` under the double rule.
    """

    subject: str
    title: str
    greeting: str
    paragraphs: Sequence[str]
    amount: tuple[str, int] | None = None
    rows: Sequence[tuple[str, int]] = ()
    total: tuple[str, int] | None = None
    button: tuple[str, str] | None = None
    afterwards: Sequence[str] = ()
    facts: Sequence[tuple[str, str | date]] = ()


@dataclass(frozen=True)
class Stationery:
    """Whose letter paper it is written on."""

    organization_name: str
    reply_to: str | None
    locale: str
    currency: str
    specimen: bool
    language: str = "en"


class Writer(Protocol):
    def write(self, message: Message, on: Stationery) -> tuple[str, str]:
        """The text part and the HTML part."""
        ...


@dataclass(frozen=True)
class Attachment:
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Envelope:
    """Ready to be handed over. `sender_name` is the organization's, the address behind it the platform's."""

    message_id: str
    sender_name: str
    reply_to: str | None
    recipient: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    attachments: Sequence[Attachment] = ()


class MailRefused(Conflict):
    """The mail server will never take this one: no such mailbox, not an address, too large."""

    message = "The mail server refused this mail."


class MailUnavailable(Unavailable):
    """It certainly was not handed over. Trying again can't make it two."""

    message = "The mail server does not answer."


class MailUncertain(Unavailable):
    """The connection broke after the mail was handed over and before it was confirmed."""

    message = "The mail server took the mail and did not confirm it. It may have arrived."


class Mailer(Protocol):
    """Carries mails, over one connection while it is open."""

    def send(self, envelope: Envelope) -> None:
        """MailRefused, MailUnavailable or MailUncertain when it was not confirmed."""
        ...


MailerOpened = AbstractContextManager[Mailer]
