"""Keeps mail in a folder instead of sending it: in demo and development, and for every demo organization."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from webapp.adapters.mail_message import message_of
from webapp.core.errors import NotFound
from webapp.domain.notifications.messages import Attachment, Envelope

_NAME = re.compile(r"[0-9a-f-]{36}")
_HEAD_BYTES = 4096
_SHOWN = ("From", "Reply-To", "To", "Date")


class FolderMailer:
    """One file per mail, named after its id: sent twice it is still one."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder, self._sender = folder, sender

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing stays open."""

    def send(self, envelope: Envelope) -> None:
        message = message_of(envelope, self._sender)
        kept = self._folder / f"{envelope.message_id.strip('<>').partition('@')[0]}.eml"
        unfinished = kept.with_suffix(".part")
        unfinished.write_bytes(message.as_bytes())
        unfinished.rename(kept)


@dataclass(frozen=True)
class KeptMail:
    name: str
    sent_at: datetime
    sender: str
    recipient: str
    subject: str


@dataclass(frozen=True)
class OpenedMail:
    subject: str
    headers: Sequence[tuple[str, str]]
    text: str
    html: str
    attachments: Sequence[Attachment]


class MailFolder:
    """Reads what was kept, newest first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self, limit: int, *, before: str | None = None) -> list[KeptMail]:
        """Ids grow with time, so names sort by it."""
        names = sorted((path.stem for path in self._folder.glob("*.eml")), reverse=True)
        chosen = [name for name in names if before is None or name < before]
        return [self._head(name) for name in chosen[:limit]]

    def read(self, name: str) -> OpenedMail:
        path = self._folder / f"{name}.eml"
        if not _NAME.fullmatch(name) or not path.is_file():
            raise NotFound
        message = _parsed(path.read_bytes())
        return OpenedMail(
            subject=str(message["Subject"]),
            headers=[(title, str(message[title])) for title in _SHOWN if message[title]],
            text=_part(message, "plain"),
            html=_part(message, "html"),
            attachments=[
                Attachment(found.get_filename() or "attachment", found.get_content())
                for found in message.iter_attachments()
            ],
        )

    def _head(self, name: str) -> KeptMail:
        with (self._folder / f"{name}.eml").open("rb") as file:
            head = file.read(_HEAD_BYTES)
        message = _parsed(head)
        return KeptMail(
            name=name,
            sent_at=parsedate_to_datetime(message["Date"]),
            sender=str(message["From"]),
            recipient=str(message["To"]),
            subject=str(message["Subject"]),
        )


def _part(message: EmailMessage, kind: str) -> str:
    """The text or the HTML of it; empty when it has none."""
    found = message.get_body((kind,))
    return str(found.get_content()) if found is not None else ""


def _parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message
