"""Which member a line means: by number, then by e-mail address, then by the exact name."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, any_, func, literal, or_

from webapp.core.db import db
from webapp.domain.organizations import Member

_MOST_CANDIDATES = 500


@dataclass(frozen=True)
class Match:
    """The member, or why nobody is found; several who share a name are told by their numbers."""

    member: Member | None
    problem: str | None = None


class Directory:
    """The members that any of these texts may mean, asked for once. A chapter's batch finds its own."""

    def __init__(self, texts: Iterable[str], chapter_id: UUID | None) -> None:
        wanted = sorted({folded(text) for text in texts if text.strip()})
        self._numbers: dict[str, Member] = {}
        self._emails: dict[str, list[Member]] = defaultdict(list)
        self._names: dict[str, list[Member]] = defaultdict(list)
        for member in _found(wanted, chapter_id) if wanted else ():
            self._numbers[folded(member.number)] = member
            self._emails[folded(member.email or member.number)].append(member)
            for name in {folded(member.name), folded(member.sort_name)}:
                self._names[name].append(member)

    def match(self, keys: Sequence[str]) -> Match:
        """By the first key that means exactly one member."""
        ambiguous = ""
        for text in keys:
            key = folded(text)
            if key in self._numbers:
                return Match(self._numbers[key])
            for found in (self._emails.get(key), self._names.get(key)):
                if found and len(found) == 1:
                    return Match(found[0])
                if found:
                    numbers = ", ".join(sorted(member.number for member in found))
                    ambiguous = ambiguous or f"{len(found)} members are meant by “{text}”: {numbers}."
        if not any(key.strip() for key in keys):
            return Match(None, "Say who paid.")
        return Match(None, ambiguous or "Nobody here has this number, address or name.")


def folded(text: str) -> str:
    return " ".join(text.split()).lower()


def candidates(lines: Iterable[Sequence[str]], chapter_id: UUID | None) -> Sequence[Member]:
    """Whom lines may mean that mean nobody exactly: members with one of their words as a name."""
    words = {word.strip(",.") for keys in lines for key in keys for word in folded(key).split()}
    if not words:
        return []
    listed = any_(literal(sorted(words), ARRAY(Text)))
    likely = or_(func.lower(Member.last_name) == listed, func.lower(Member.first_name) == listed)
    found = Member.here().select(likely, *_in(chapter_id)).order_by(Member.last_name, Member.first_name)
    return db.session.scalars(found.limit(_MOST_CANDIDATES)).all()


def may_mean(keys: Sequence[str], member: Member) -> bool:
    words = {word.strip(",.") for key in keys for word in folded(key).split()}
    return folded(member.last_name) in words or folded(member.first_name) in words


def _found(wanted: Sequence[str], chapter_id: UUID | None) -> Sequence[Member]:
    listed: Any = any_(literal(wanted, ARRAY(Text)))
    first, last = func.lower(Member.first_name), func.lower(Member.last_name)
    meant = or_(
        func.lower(Member.number) == listed,
        func.lower(Member.email) == listed,
        func.btrim(first + " " + last) == listed,
        (last + ", " + first) == listed,
    )
    return db.session.scalars(Member.here().select(meant, *_in(chapter_id)).order_by(Member.number)).all()


def _in(chapter_id: UUID | None) -> list[ColumnElement[bool]]:
    return [Member.chapter_id == chapter_id] if chapter_id else []
