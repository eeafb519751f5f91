"""Finding credit notes, and everything that one of them has to show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_
from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin
from webapp.domain.ledger import JournalEntry
from webapp.domain.organizations import Member


@dataclass(frozen=True)
class WantedNotes:
    """`text` is part of a name, a member's number or the note's own."""

    text: str = ""
    state: CreditState | None = None
    origin: Origin | None = None
    since: date | None = None
    until: date | None = None
    chapter_id: UUID | None = None
    member_id: UUID | None = None
    oldest_first: bool = False


def with_holder(*conditions: ColumnElement[bool]) -> Select[CreditNote]:
    """Notes with the member who holds them, and the chapter."""
    found = CreditNote.here().select(*conditions)
    return found.options(joinedload(CreditNote.member), joinedload(CreditNote.chapter))


def notes(wanted: WantedNotes) -> Select[Any]:
    found = with_holder()
    if wanted.text:
        found = found.join(CreditNote.member).where(
            or_(
                Member.last_name.icontains(wanted.text, autoescape=True),
                Member.first_name.icontains(wanted.text, autoescape=True),
                Member.number == wanted.text,
                CreditNote.number == wanted.text.upper(),
            )
        )
    for column in ("state", "origin", "chapter_id", "member_id"):
        value = getattr(wanted, column)
        if value is not None:
            found = found.where(getattr(CreditNote, column) == value)
    if wanted.since:
        found = found.where(CreditNote.issued_on >= wanted.since)
    if wanted.until:
        found = found.where(CreditNote.issued_on <= wanted.until)
    return found.order_by(CreditNote.id if wanted.oldest_first else CreditNote.id.desc())


def notes_page(wanted: WantedNotes, *, after: UUID | None, size: int) -> Sequence[CreditNote]:
    found = notes(wanted).limit(size)
    if after is not None:
        found = found.where(CreditNote.id > after if wanted.oldest_first else CreditNote.id < after)
    rows: Sequence[CreditNote] = db.session.scalars(found).all()
    return rows


def held_for(member_id: UUID) -> Sequence[CreditNote]:
    """What a member has, oldest first."""
    return CreditNote.here().all(
        CreditNote.member_id == member_id, CreditNote.remaining > 0, order_by=CreditNote.id
    )


def applications_of(note: CreditNote) -> Sequence[CreditApplication]:
    """What it settles and settled, in order."""
    mine = CreditApplication.here().select(CreditApplication.credit_note_id == note.id)
    return db.session.scalars(
        mine.options(joinedload(CreditApplication.invoice)).order_by(CreditApplication.id)
    ).all()


def family_of(note: CreditNote) -> Sequence[CreditNote]:
    """The note it came from, and those that came from it."""
    kin = or_(CreditNote.parent_id == note.id, CreditNote.id == note.parent_id)
    return CreditNote.here().all(kin, order_by=CreditNote.id)


def entries_of(note: CreditNote, applications: Sequence[CreditApplication]) -> Sequence[JournalEntry]:
    """What stands in the books about it."""
    documents = [note.id, *(one.id for one in applications)]
    return JournalEntry.here().all(JournalEntry.source_id.in_(documents), order_by=JournalEntry.id)
