"""Documents that people send along: a PDF or a picture, judged by its content and never by its name.

A picture is drawn anew. A PDF is kept as it came, if it is nothing but a PDF and does nothing by itself.
"""

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum

from webapp.core.errors import Invalid
from webapp.domain.organizations import pictures

MOST_BYTES = 5 * 1024 * 1024
_LARGEST = (2400, 2400)
_LONGEST_NAME = 120
_ACTIVE = re.compile(rb"/(JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA|SubmitForm|ImportData)\b")
_STREAM = re.compile(rb"\bstream\r?\n.*?\bendstream", re.DOTALL)
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_FOREIGN = (b"PK\x03\x04", b"\x7fELF", b"MZ\x90\x00", b"<script", b"<?php", b"<html", b"<svg")
_TEST_VIRUS = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"


class MediaType(StrEnum):
    PDF = "application/pdf"
    JPEG = "image/jpeg"

    @property
    def ending(self) -> str:
        return "pdf" if self is MediaType.PDF else "jpg"


@dataclass(frozen=True)
class Document:
    """What is safe to keep. `name` has no path and the ending that goes with its type."""

    name: str
    media_type: MediaType
    content: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def accepted(name: str, upload: bytes) -> Document:
    """Invalid when it is too large, something else than it may be, or more than it seems."""
    if not upload:
        raise Invalid("This file is empty.")
    if len(upload) > MOST_BYTES:
        raise Invalid("The file is larger than 5 MB.")
    if _TEST_VIRUS in upload:
        raise Invalid("This file carries a virus signature, so it was not kept.")
    if upload.startswith(b"%PDF-"):
        _refuse_active(upload)
        return Document(_named(name, MediaType.PDF), MediaType.PDF, upload)
    try:
        drawn = pictures.redrawn(upload, within=_LARGEST, as_="JPEG")
    except pictures.NotAPicture as error:
        raise Invalid("Send a PDF or a picture (PNG, JPEG, WebP or GIF). This file is neither.") from error
    return Document(_named(name, MediaType.JPEG), MediaType.JPEG, drawn)


def _refuse_active(upload: bytes) -> None:
    end = upload.rfind(b"%%EOF")
    if end < 0 or upload[end + 5 :].strip():
        raise Invalid("This PDF is damaged, or something was added to its end.")
    names = _ESCAPED.sub(lambda code: bytes([int(code[1], 16)]), _STREAM.sub(b"", upload))
    lowered = upload.lower()
    if _ACTIVE.search(names) or any(mark.lower() in lowered for mark in _FOREIGN):
        raise Invalid(
            "This PDF contains scripts, actions or other files. Print it into a new PDF, or send a picture."
        )


def _named(name: str, media_type: MediaType) -> str:
    """Its last part, without an ending, without what file systems and headers take for something else."""
    stem = re.split(r"[/\\]", name)[-1].rsplit(".", 1)[0]
    plain = re.sub(r"[^\w .\-()]", "_", stem).strip(" ._")[:_LONGEST_NAME]
    return f"{plain or 'document'}.{media_type.ending}"
