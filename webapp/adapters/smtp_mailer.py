"""Carries mail to a server, over one connection for as many mails as there are."""

import smtplib
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from webapp.adapters.mail_message import message_of
from webapp.domain.notifications.messages import Envelope, MailRefused, MailUnavailable, MailUncertain

_PATIENCE = 20


@dataclass(frozen=True)
class MailServer:
    """Where MAIL_URL points: `smtp://user:pass@host:587?from=dues@example.org` or `smtps://…`.

    A password leaves this machine encrypted or not at all: with one, `?starttls` goes without saying.
    """

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    starttls: bool = False
    sender: str = ""

    @classmethod
    def at(cls, url: str) -> Self:
        parts = urlsplit(url)
        options = parse_qs(parts.query, keep_blank_values=True)
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "localhost",
            port=parts.port or (465 if tls else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=tls,
            starttls=not tls and (parts.password is not None or "starttls" in options),
            sender=options.get("from", [""])[0],
        )


class SmtpMailer:
    """Each step has its own meaning when it fails: before the text is handed over nothing has happened."""

    def __init__(self, server: MailServer, sender: str) -> None:
        self._server, self._sender = server, server.sender or sender
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def send(self, envelope: Envelope) -> None:
        message = message_of(envelope, self._sender)
        recipient: str = message["To"].addresses[0].addr_spec
        try:
            connection = self._connected()
            options = ["SMTPUTF8"] if not recipient.isascii() and connection.has_extn("smtputf8") else []
            self._ask(*connection.mail(self._sender, options))
            self._ask(*connection.rcpt(recipient))
        except (OSError, smtplib.SMTPServerDisconnected, smtplib.SMTPResponseException) as error:
            self._hang_up()
            raise MailUnavailable(f"The mail server does not answer: {_reason(error)}") from error
        try:
            reply = connection.data(message.as_bytes())
        except smtplib.SMTPDataError as error:
            reply = (error.smtp_code, _bytes(error.smtp_error))
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            self._hang_up()
            raise MailUncertain from error
        self._ask(*reply)

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> smtplib.SMTP:
        server, context = self._server, ssl.create_default_context()
        if server.tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=_PATIENCE, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=_PATIENCE)
        if server.starttls:
            connection.starttls(context=context)
        connection.ehlo_or_helo_if_needed()
        if server.user:
            connection.login(server.user, server.password)
        return connection

    def _ask(self, code: int, reply: bytes) -> None:
        """A refusal for good is about this mail alone; any other about the moment. The next starts afresh."""
        if code < 400:
            return
        said = f"{code} {reply.decode(errors='replace')}"[:300]
        self._hang_up()
        if code >= 500:
            raise MailRefused(f"The mail server refused this mail: {said}")
        raise MailUnavailable(f"The mail server asks to try again later: {said}")

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.quit()
        except (OSError, smtplib.SMTPException):
            connection.close()


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_bytes(error.smtp_error).decode(errors='replace')}"[:300]
    return str(error)[:300]


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
