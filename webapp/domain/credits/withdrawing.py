"""Goodwill is taken back while nobody has used it, by a second person where the policy asks for one."""

from datetime import date
from typing import Any
from uuid import UUID

from webapp.core.errors import Conflict, Invalid
from webapp.domain.approvals import Action, ApprovalRequest, ask, covers
from webapp.domain.credits import goodwill
from webapp.domain.credits.credit_note import CreditNote, Origin
from webapp.domain.ledger import Event, JournalEntry, entry_for, reverse
from webapp.domain.organizations import Login, Member

WHAT = "goodwill_withdrawal"


def can_be_withdrawn(note: CreditNote) -> bool:
    """What came in with a payment belongs to the payer, and goes back or is used."""
    return note.is_open and note.origin is Origin.GOODWILL


def withdraw(note_id: UUID, *, reason: str, by: Login, on: date) -> tuple[CreditNote, ApprovalRequest | None]:
    """The note, withdrawn; or held, with the request that waits, when it is more than one may take alone."""
    if not reason.strip():
        raise Invalid(fields={"reason": "Say why. The member can read it."})
    note = CreditNote.here().get(note_id, lock=True)
    _refuse_impossible(note)
    cap = goodwill.cap_of(by, Member.here().get(note.member_id), lock=True)
    if covers(cap, note.amount):
        _take(note, reason.strip(), on=on, by=by)
        return note, None
    note.hold(by=by)
    request = ask(
        Action.ADJUSTMENT,
        note,
        order=order_of(note, reason.strip()),
        amount=note.amount,
        currency=note.currency,
        member_id=note.member_id,
        chapter_id=note.chapter_id,
        reason=reason,
        cap=cap,
        by=by,
    )
    return note, request


def order_of(note: CreditNote, reason: str) -> dict[str, Any]:
    """Exactly what is done when somebody else approves it."""
    return {
        "what": WHAT,
        "credit_note_id": note.id,
        "member_id": note.member_id,
        "amount": note.amount,
        "currency": note.currency,
        "reason": reason,
    }


def carry_out(request: ApprovalRequest, by: Login, on: date) -> None:
    """Somebody else has approved it."""
    note = CreditNote.here().get(request.subject_id, lock=True)
    request.insist_on(order_of(note, request.terms["reason"]))
    _take(note, request.terms["reason"], on=on, by=by)


def turn_down(request: ApprovalRequest, by: Login, on: date) -> None:
    """The member keeps it, and it can be used again."""
    CreditNote.here().get(request.subject_id, lock=True).let_go(by=by)


def entry_of(note: CreditNote) -> JournalEntry:
    """What is turned round in the books."""
    entry = entry_for(note.id, Event.CREDIT_NOTE_ISSUED)
    assert entry is not None, "Goodwill is given together with its entry"
    return entry


def _refuse_impossible(note: CreditNote) -> None:
    note.refuse_unless_open()
    if note.origin is not Origin.GOODWILL:
        raise Conflict(
            "Only goodwill that was not used yet can be withdrawn. Money that came in belongs to the payer.",
            next_step="Give the credit note back to the payer instead.",
        )


def _take(note: CreditNote, reason: str, *, on: date, by: Login) -> None:
    note.take_back(note.amount, reason=reason, on=on, by=by)
    reverse(entry_of(note), source=note, on=on, by=by, description=f"Credit note {note.number} withdrawn")
