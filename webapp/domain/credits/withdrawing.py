"""Goodwill, or what is left of it, is taken back: by a second person where the policy asks for one."""

from datetime import date
from typing import Any
from uuid import UUID

from webapp.core.errors import Conflict, Invalid
from webapp.domain.approvals import Action, ApprovalRequest, ask, covers
from webapp.domain.credits import goodwill
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.ledger import Code, Event, Move, Side, entry_for, post, reverse
from webapp.domain.organizations import Login, Member

WHAT = "goodwill_withdrawal"


def can_be_withdrawn(note: CreditNote) -> bool:
    """What came in with a payment belongs to the payer, and goes back or is used."""
    return note.is_open and note.is_goodwill


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


def moves_of(note: CreditNote) -> list[Move]:
    """What it does to the books: goodwill becomes what it was before it was given."""
    return [Move(note.amount, note.account, Side(Code.WAIVERS, note.chapter_id))]


def _refuse_impossible(note: CreditNote) -> None:
    if not note.is_goodwill:
        raise Conflict(
            "Only goodwill that was not used yet can be withdrawn. Money that came in belongs to the payer.",
            next_step="Give the credit note back to the payer instead.",
        )
    rest = (
        None
        if note.remaining
        else CreditNote.here().first(CreditNote.parent_id == note.id, CreditNote.remaining > 0)
    )
    if rest is not None:
        raise Conflict(
            f"Credit note {note.number} was used.",
            next_step=f"What is left of it is {rest.number}: that can be withdrawn.",
        )
    note.refuse_unless_open()


def _take(note: CreditNote, reason: str, *, on: date, by: Login) -> None:
    """What was given as this note is reversed; a rest of another has no entry of its own to reverse."""
    note.take_back(note.amount, reason=reason, on=on, by=by)
    told = f"Credit note {note.number} withdrawn"
    given = entry_for(note.id, Event.CREDIT_NOTE_ISSUED)
    if given is not None:
        reverse(given, source=note, on=on, by=by, description=told)
        return
    moves = moves_of(note)
    post(Event.CREDIT_NOTE_WITHDRAWN, source=note, moves=moves, on=on, by=by, description=told)
