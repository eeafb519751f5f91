"""What every letter has: whose paper it is, who it goes to, and the hash of all that stands on it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, ClassVar, Protocol

from webapp.domain.organizations import Organization

_MOST_TEXT = 300
_MOST_ADDRESS_LINES = 7


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Whose paper it is. `specimen` marks one that is about nobody's real money."""

    language: str
    locale: str
    paper: str
    currency: str
    organization: str
    organization_address: tuple[str, ...]
    reply_to: str | None
    logo: bytes | None
    specimen: bool


@dataclass(frozen=True, kw_only=True)
class Letter(Sheet):
    """All that its page shows, as plain facts; each kind of letter adds its own. `design` counts up when the
    same facts are drawn in another way."""

    kind: ClassVar[str]
    template: ClassVar[str]
    design: ClassVar[int]

    number: str
    recipient: tuple[str, ...]
    particulars: tuple[tuple[str, str], ...]
    issued_on: date

    @property
    def address_in_code(self) -> str | None:
        """Where the code on it leads, if it has one."""
        return None

    @property
    def content_hash(self) -> str:
        """Of all facts, and of the design that draws them."""
        facts = json.dumps([self.design, asdict(self)], default=_as_text, sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()

    @property
    def file_name(self) -> str:
        return f"{self.kind}-{self.number}.pdf"


class Printer(Protocol):
    """Draws letters. Knows nothing but what stands on them."""

    def draw(self, letter: Letter) -> bytes: ...

    def draw_together(self, letters: Sequence[Letter]) -> bytes: ...

    def draw_sheet(self, name: str, sheet: Sheet, facts: Mapping[str, Any]) -> bytes:
        """Any other paper: the template `pdf/name.html` with these facts."""
        ...


def letterhead(organization: Organization, *, test_mode: bool = False) -> dict[str, Any]:
    """The fields of a `Sheet`."""
    return {
        "language": "en",
        "locale": organization.locale,
        "paper": organization.paper_size.value.lower(),
        "currency": organization.currency,
        "organization": organization.name,
        "organization_address": address_lines(organization.address),
        "reply_to": organization.reply_to,
        "logo": organization.logo,
        "specimen": organization.is_demo or test_mode,
    }


def address_lines(text: str) -> tuple[str, ...]:
    lines = [shortened(line) for line in text[:2000].splitlines() if line.strip()]
    return tuple(lines[:_MOST_ADDRESS_LINES])


def shortened(text: str) -> str:
    """On one line, and no longer than a letter can bear."""
    clean = " ".join(text.split())
    return clean if len(clean) <= _MOST_TEXT else f"{clean[: _MOST_TEXT - 1]}…"


def _as_text(value: Any) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)
