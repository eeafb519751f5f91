"""Credit notes as treasurers, the national office and their members see them."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core import money
from webapp.core.db import db
from webapp.core.errors import NotFound
from webapp.domain.credits import search, withdrawing
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin
from webapp.domain.credits.search import WantedNotes
from webapp.domain.notifications import credit_pdf
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.invoices import as_file
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

_HEADER = (
    "number", "issued_on", "member_number", "member", "chapter", "origin", "state", "amount_minor", "amount",
    "remaining_minor", "remaining", "currency", "reason",
)  # fmt: skip


def index(persona: str, *, chapter_id: UUID | None = None) -> Response:
    """The list for this address's filters: a page, the part that changed, or a file."""
    wanted = _wanted(chapter_id)
    if wants_csv():
        return stream_rows("credit-notes.csv", _HEADER, search.notes(wanted), _as_row)
    after = request.args.get("after", type=UUID)
    rows, last = page_of(search.notes_page(wanted, after=after, size=PAGE + 1))
    return respond(
        "shared/credit_notes/index.html",
        "shared/credit_notes/_list.html",
        persona=persona,
        rows=rows,
        after=last.id if last else None,
        wanted=wanted,
        states=[(state.value, state.label) for state in CreditState],
        origins=[(origin.value, origin.label) for origin in Origin],
    )


def loaded(note_id: UUID, **conditions: Any) -> CreditNote:
    """The note with whose it is; NotFound outside of what the conditions allow."""
    statement = search.with_holder(CreditNote.id == note_id).filter_by(**conditions)
    found = db.session.scalars(statement).first()
    if found is None:
        raise NotFound
    return found


def show(persona: str, note: CreditNote) -> str:
    applications = search.applications_of(note)
    return render_template(
        "shared/credit_notes/show.html",
        persona=persona,
        note=note,
        applications=applications,
        family=search.family_of(note),
        entries=search.entries_of(note, applications),
        withdrawable=withdrawing.can_be_withdrawn(note),
    )


def pdf(note: CreditNote) -> Response:
    letter = credit_pdf.letter_of(
        note, search.applications_of(note), current_organization, test_mode=wiring.settings().test_mode
    )
    return as_file(wiring.drawn(letter), letter.file_name)


def _wanted(chapter_id: UUID | None) -> WantedNotes:
    return WantedNotes(
        text=request.args.get("q", "").strip(),
        state=request.args.get("state", type=CreditState),
        origin=request.args.get("origin", type=Origin),
        since=request.args.get("since", type=date.fromisoformat),
        until=request.args.get("until", type=date.fromisoformat),
        chapter_id=chapter_id,
        member_id=request.args.get("member", type=UUID),
        oldest_first=request.args.get("sort") == "date",
    )


def _as_row(note: CreditNote) -> tuple[Any, ...]:
    return (
        note.number,
        note.issued_on.isoformat(),
        note.member.number,
        note.member.name,
        note.chapter.code,
        note.origin.value,
        note.state.value,
        note.amount,
        money.plain(note.amount, note.currency),
        note.remaining,
        money.plain(note.remaining, note.currency),
        note.currency,
        note.reason,
    )
