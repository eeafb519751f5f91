"""Credit that nobody paid for: the organization gives it, with a reason, and a second person where needed."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from webapp.core import tenancy
from webapp.core.db import db, new_id
from webapp.core.errors import Invalid
from webapp.domain.approvals import Action, ApprovalRequest, Limit, ask, covers, limit_of
from webapp.domain.credits.credit_note import CreditNote, Origin, open_note
from webapp.domain.ledger import Code, Side
from webapp.domain.organizations import Login, Member, Organization, tokens

WHAT = "goodwill"
_LONGEST_REASON = 500


@dataclass(frozen=True)
class Goodwill:
    """`id` becomes the credit note's when it is given; `amount` in minor units."""

    id: UUID
    member: Member
    amount: int
    currency: str
    reason: str

    @property
    def order(self) -> dict[str, Any]:
        """Exactly what is done when somebody else approves it."""
        return {
            "what": WHAT,
            "credit_note_id": self.id,
            "member_id": self.member.id,
            "chapter_id": self.member.chapter_id,
            "amount": self.amount,
            "currency": self.currency,
            "reason": self.reason,
        }


def give(
    member: Member, amount: int, *, reason: str, by: Login, on: date
) -> tuple[CreditNote | None, ApprovalRequest | None]:
    """The credit note, or the request for it when it is more than this person may give alone."""
    wanted = _wanted(new_id(), member, amount, reason)
    cap = cap_of(by, member, lock=True)
    if covers(cap, amount):
        return _open(wanted, by=by, on=on), None
    request = ask(
        Action.ADJUSTMENT,
        wanted,
        order=wanted.order,
        amount=amount,
        currency=wanted.currency,
        member_id=member.id,
        chapter_id=member.chapter_id,
        reason=wanted.reason,
        cap=cap,
        by=by,
    )
    return None, request


def cap_of(by: Login, member: Member, *, lock: bool = False) -> Limit:
    """Up to which amount somebody gives this member credit, or withdraws it, alone: nobody to themselves."""
    if member.login_id is not None and member.login_id == tokens.behind(by).person_id:
        return 0
    return limit_of(by, Action.ADJUSTMENT, lock=lock)


def carry_out(request: ApprovalRequest, by: Login, on: date) -> None:
    """Somebody else has approved it: what was asked for, to the letter, is given."""
    terms = request.terms
    member = Member.here().get(UUID(terms["member_id"]), lock=True)
    wanted = _wanted(request.subject_id, member, terms["amount"], terms["reason"])
    request.insist_on(wanted.order)
    _open(wanted, by=by, on=on)


def turn_down(request: ApprovalRequest, by: Login, on: date) -> None:
    """Nothing was opened yet, so there is nothing to take back."""


def _wanted(note_id: UUID, member: Member, amount: int, reason: str) -> Goodwill:
    problems: dict[str, str] = {}
    if amount <= 0:
        problems["amount"] = "Enter more than zero."
    if not reason.strip():
        problems["reason"] = "Say why. The member can read it."
    elif len(reason) > _LONGEST_REASON:
        problems["reason"] = f"Say it in {_LONGEST_REASON} characters at most."
    if problems:
        raise Invalid(" ".join(problems.values()), fields=problems)
    organization = db.session.get_one(Organization, tenancy.organization_id())
    return Goodwill(note_id, member, amount, organization.currency, reason.strip())


def _open(wanted: Goodwill, *, by: Login, on: date) -> CreditNote:
    member = wanted.member
    return open_note(
        member.id,
        member.chapter_id,
        wanted.amount,
        wanted.currency,
        origin=Origin.GOODWILL,
        against=Side(Code.WAIVERS, member.chapter_id),
        on=on,
        by=by,
        description="goodwill",
        id=wanted.id,
        reason=wanted.reason,
    )
