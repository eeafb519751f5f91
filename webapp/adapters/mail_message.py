"""From an envelope of ours to a message as mail servers read it (RFC 5322)."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from webapp.core import clock
from webapp.domain.notifications.messages import Envelope, MailRefused

_ADDRESS = re.compile(r"([^@\s<>,;:\"()\[\]\\\x00-\x20\x7f]{1,64})@([^@\s<>,;:\"()\[\]\\]{1,253})")
_LONGEST_SUBJECT = 200


def message_of(envelope: Envelope, sender: str) -> EmailMessage:
    """MailRefused when the recipient's address is none. No text can add a header: each stays on its line."""
    recipient = clean_address(envelope.recipient)
    utf8 = not recipient.isascii()
    message = EmailMessage(SMTP.clone(utf8=utf8))
    message["Message-ID"] = envelope.message_id
    message["Date"] = format_datetime(clock.now())
    message["From"] = Address(one_line(envelope.sender_name), addr_spec=sender)
    message["To"] = Address(addr_spec=recipient)
    if envelope.reply_to:
        message["Reply-To"] = Address(addr_spec=clean_address(envelope.reply_to))
    message["Subject"] = one_line(envelope.subject)[:_LONGEST_SUBJECT]
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(envelope.text, cte="quoted-printable")
    message.add_alternative(envelope.html, subtype="html", cte="quoted-printable")
    for attachment in envelope.attachments:
        message.add_attachment(
            attachment.content, maintype="application", subtype="pdf", filename=one_line(attachment.name)
        )
    return message


def clean_address(text: str) -> str:
    """One address, with its domain as mail servers know it."""
    match = _ADDRESS.fullmatch(text)
    if match is None or "=?" in text:
        raise MailRefused(f"“{one_line(text)[:100]}” is not an email address.")
    name, domain = match.groups()
    try:
        return f"{name}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise MailRefused(f"“{one_line(text)[:100]}” is not an email address.") from error


def one_line(text: str) -> str:
    """Everything that could end a line, or hide in one, becomes a space; what only looks like an encoded word
    (RFC 2047) is taken apart, since it would be decoded to whatever it hides."""
    clean = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return clean.replace("=?", "= ?")
