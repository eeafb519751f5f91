"""Credit notes: money held for members, given, used for invoices and taken off again."""

from typing import Any
from uuid import UUID

from flask import g

from webapp.core.db import transaction
from webapp.core.errors import Conflict
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits import applying, goodwill, search, withdrawing
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin
from webapp.domain.organizations import Member
from webapp.domain.refunds.refund import How
from webapp.domain.refunds.releasing import release_of
from webapp.domain.refunds.requesting import Terms
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import EVERYBODY, OFFICERS, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Accepted, Answer
from webapp.web.api.organizations import refuse_other_currency
from webapp.web.api.paging import filtered, listing, page, pages_of
from webapp.web.api.refunds import REFUND, refund_told
from webapp.web.api.spreading import SPREADING, spread_of

TOPIC = "Credit notes"

_NOTE = {
    "id": f.identifier("The credit note"),
    "number": f.text("Its number", "CN-2026-000001"),
    "member_id": f.identifier("Whose it is"),
    "chapter_id": f.identifier("The chapter that keeps it"),
    "amount": f.amount("What it was opened with", least=1),
    "remaining": f.amount("What of it can still be used or given back"),
    "passed_on": f.amount("What of it went on to new credit notes", 0),
    "currency": f.currency(),
    "origin": f.choice("Where the money comes from", Origin),
    "state": f.choice("Where it stands", CreditState),
    "payment_id": f.identifier("The payment it came with").or_null(),
    "invoice_id": f.identifier("The invoice that was voided").or_null(),
    "parent_id": f.identifier("The credit note that it is a rest of").or_null(),
    "reason": f.text("Why goodwill was given", "The hall was closed in May").or_null(),
    "withdrawal_reason": f.text("Why it was withdrawn", "It was given twice").or_null(),
    "issued_on": f.day("Since when it stands in the books"),
}
SUMMARY = Shape("CreditNoteSummary", _NOTE)
APPLICATION = Shape(
    "CreditApplication",
    {
        "id": f.identifier("The application"),
        "invoice_id": f.identifier("The invoice"),
        "amount": f.amount("What of it is settled", least=1),
        "applied_at": f.instant("Since when"),
        "undone_at": f.instant("When it was taken off again").or_null(),
    },
)
NOTE = Shape(
    "CreditNote", _NOTE | {"applications": f.list_of(APPLICATION, "What it settles, and what it settled")}
)
FILTERS = listing(
    "CreditNoteFilters",
    member=f.identifier("Only this member's"),
    state=f.choice("Only in this state", CreditState),
    origin=f.choice("Only of this origin", Origin),
)
GIVING = shape_in(
    "CreditNoteGiven",
    member_id=f.identifier("Who gets it").needed(),
    amount=f.amount("How much", 2_500, least=1).needed(),
    currency=f.currency("Of the amount; the organization's unless told"),
    reason=f.text("Why; the member can read it", "The hall was closed in May", least=1, most=500).needed(),
    override_reason=f.override_reason(),
)
GIVEN = Shape(
    "CreditGiven",
    {
        "credit_note_id": f.identifier("The credit note, when it was given at once").or_null(),
        "approval_request_id": f.identifier("The request that somebody else has to decide").or_null(),
    },
)
RELEASE = shape_in(
    "CreditRelease",
    amount=f.amount("What goes back", 2_000, least=1).needed(),
    reason=f.text("Why", "Left the chapter", least=1, most=500).needed(),
    how=f.choice("The way it goes back: original, through the processor, unless told", How),
    check_number=f.text("With how check: the number of the check", "2041", most=40).without_example(),
    override_reason=f.override_reason(),
)
WITHDRAWAL = shape_in(
    "CreditWithdrawal",
    reason=f.text("Why; the member can read it", "It was given twice", least=1, most=500).needed(),
    override_reason=f.override_reason(),
)
USE = shape_in("CreditNoteUse", override_reason=f.override_reason(), **SPREADING)
UNDOING = shape_in("CreditUndoing", override_reason=f.override_reason())
_NOTES = "/organizations/<uuid:organization_id>/credit-notes/"
_COLUMNS = {"member": "member_id", "state": "state", "origin": "origin"}


@operations.get(
    _NOTES,
    summary="List credit notes",
    topic=TOPIC,
    gives=pages_of(SUMMARY),
    query=FILTERS,
    allowed=EVERYBODY,
)
def list_credit_notes(query: Values) -> Answer:
    """A treasurer's token finds its own chapter's."""
    found = filtered(CreditNote.here().select(), query, _COLUMNS)
    found = bearer.reached(found, CreditNote.chapter_id, CreditNote.member_id)
    return page(found, CreditNote, query, SUMMARY.tell)


@operations.post(
    _NOTES,
    summary="Give a member credit",
    topic=TOPIC,
    gives=GIVEN,
    takes=GIVING,
    may_wait=True,
    allowed=OFFICERS,
)
def give_credit(body: Values) -> Answer:
    """Out of goodwill. 201: it is given. 202: it is above what the token's owner may give alone; it waits for
    approval, and nothing is given."""
    refuse_other_currency(body)
    with transaction():
        note, request = goodwill.give(
            bearer.member_named(body["member_id"]),
            body["amount"],
            reason=body["reason"],
            by=acting,
            on=g.organization.today,
        )
    given = GIVEN.tell(None, credit_note_id=note and note.id, approval_request_id=request and request.id)
    return given if note is not None else Accepted(given)


@operations.get(
    _NOTES + "<uuid:note_id>/", summary="Read a credit note", topic=TOPIC, gives=NOTE, allowed=EVERYBODY
)
def read_credit_note(note_id: UUID) -> Answer:
    """The credit note and the invoices it settles."""
    return _told(_reached(note_id))


@operations.post(
    _NOTES + "<uuid:note_id>/apply",
    summary="Use a credit note",
    topic=TOPIC,
    gives=NOTE,
    takes=USE,
    status=200,
    allowed=OFFICERS,
)
def apply_credit_note(note_id: UUID, body: Values) -> Answer:
    """Settles what the member owes as `allocation` says. What is not needed becomes a new credit note that
    names this one as its parent."""
    with transaction():
        note = _reached(note_id)
        spread = spread_of(Member.here().get(note.member_id), body)
        applying.apply(note_id, spread, on=g.organization.today, by=acting)
    return _told(_reached(note_id))


@operations.post(
    _NOTES + "<uuid:note_id>/release",
    summary="Give a credit note back",
    topic=TOPIC,
    gives=REFUND,
    takes=RELEASE,
    status=200,
    may_wait=True,
    allowed=OFFICERS,
)
def release_credit_note(note_id: UUID, body: Values) -> Answer:
    """To the payer; what does not go back stays as a new credit note. 200: it is done, or under way at the
    processor. 202: it is above what the token's owner may give back alone; it waits for approval, and nobody
    can use the credit note meanwhile."""
    terms = Terms(
        amount=body["amount"],
        how=How(body.get("how", How.ORIGINAL)),
        reason=body["reason"],
        check_number=body.get("check_number"),
    )
    with transaction():
        _reached(note_id)
        asked = release_of(note_id, terms, by=acting, on=g.organization.today)
    told = refund_told(asked.refund)
    return told if asked.approval is None else Accepted(told)


@operations.post(
    _NOTES + "<uuid:note_id>/withdraw",
    summary="Withdraw goodwill",
    topic=TOPIC,
    gives=NOTE,
    takes=WITHDRAWAL,
    status=200,
    may_wait=True,
    allowed=OFFICERS,
)
def withdraw_credit_note(note_id: UUID, body: Values) -> Answer:
    """Or what is left of it: that is a credit note of its own, and what was used stays. 200: it is withdrawn,
    and gone from the books. 202: it is above what the token's owner may decide alone; it waits for approval,
    and nobody can use the credit note meanwhile."""
    with transaction():
        _reached(note_id)
        _, request = withdrawing.withdraw(note_id, reason=body["reason"], by=acting, on=g.organization.today)
    told = _told(_reached(note_id))
    return told if request is None else Accepted(told)


@operations.post(
    "/organizations/<uuid:organization_id>/credit-applications/<uuid:application_id>/undo",
    summary="Take credit off an invoice",
    topic=TOPIC,
    gives=NOTE,
    query=UNDOING,
    allowed=OFFICERS,
)
def undo_credit_application(application_id: UUID, query: Values) -> Answer:
    """The invoice is owed again, and the credit is a new credit note, which is the answer."""
    with transaction():
        found = CreditApplication.here().get(application_id)
        _reached(found.credit_note_id)
        invoice = Invoice.here().get(found.invoice_id, lock=True)
        application = CreditApplication.here().get(application_id, lock=True)
        if application.undone_at is not None:
            raise Conflict(f"This was taken off invoice {invoice.number} already.")
        child = applying.undo(application, invoice, on=g.organization.today, by=acting)
    return _told(child)


def _reached(note_id: UUID) -> CreditNote:
    note = CreditNote.here().get(note_id)
    bearer.in_reach(chapter_id=note.chapter_id, member_id=note.member_id)
    return note


def _told(note: CreditNote) -> dict[str, Any]:
    return NOTE.tell(note, applications=[APPLICATION.tell(one) for one in search.applications_of(note)])
