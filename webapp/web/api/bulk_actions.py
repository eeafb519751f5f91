"""One thing done to many invoices or members: chosen, looked at, started, followed row by row."""

from typing import Any
from uuid import UUID

from flask import g

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.search import InvoiceFilter
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.bulk_actions import choosing, progress
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkKind, BulkState, Outcome, Terms
from webapp.web import bulk_actions
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import OFFICERS, STAFF, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import PAGED, listing, page, paged, pages_of, size_of

TOPIC = "Bulk actions"
MOST_NAMED = 1_000
_TO_INVOICES = [kind for kind in BulkKind if kind is not BulkKind.EXPORT and not kind.is_about_members]
_MOST_OWED = choosing.MOST * f.LARGEST_AMOUNT

ACTION = Shape(
    "BulkAction",
    {
        "id": f.identifier("The bulk action"),
        "kind": f.choice("What is done to each invoice", BulkKind),
        "state": f.choice("`chosen`: nothing is done before it is started", BulkState),
        "chapter_id": f.identifier("The chapter whose treasurer asked").or_null(),
        "chosen": f.whole("How many invoices or members it is about", 120, most=choosing.MOST),
        "reason": f.text("Why", "Billed by mistake").or_null(),
        "outcomes": f.counts("How many of them met which outcome", {"done": 118, "refused": 2}),
        "created_at": f.instant("When they were chosen"),
        "confirmed_at": f.instant("When it was started").or_null(),
        "finished_at": f.instant("When the last one had its turn").or_null(),
    },
)
FORESEEN = Shape(
    "BulkActionPreview",
    {
        "id": f.identifier("The bulk action"),
        "invoices": f.whole("How many would be done", 118, most=choosing.MOST),
        "owed": f.amount("What is owed on them", 4_720_000),
        "owed_after": f.whole("What would be owed on them, in minor units", 0, most=_MOST_OWED),
        "paid": f.whole("How many of them are paid in whole or part, when voiding", 3, most=choosing.MOST),
        "credited": f.amount("What of that would become credit notes", 120_000),
        "left_out": f.counts("How many would be left out, by the reason why", {"It is void already.": 2}),
        "currency": f.currency(),
        "earlier_today": f.whole("How many were sent the same earlier today", 0, most=choosing.MOST),
        "seen": f.text("To send when starting it, so that what is done is what was seen", ",:118,4720000"),
    },
)
RESULT = Shape(
    "BulkResult",
    {
        "id": f.identifier("The result"),
        "invoice_id": f.identifier("The invoice; of none when statements are mailed").or_null(),
        "number": f.text("Its number", "2026-000123").or_null(),
        "member_id": f.identifier("The member"),
        "member_number": f.text("The member's number", "PX00012"),
        "outcome": f.choice("What became of it", Outcome),
        "note": f.text("Why it was not done, or what came of it", "It is void already.", most=1000).or_null(),
        "done_at": f.instant("When it had its turn").or_null(),
    },
)
CHOICE = shape_in(
    "BulkActionChosen",
    kind=f.one_of("What is to be done", *_TO_INVOICES).needed(),
    invoice_ids=f.identifiers(
        "These invoices; without them all that the other fields find", most=MOST_NAMED
    ).without_example(),
    status=f.one_of("Only these; “owed” is whatever something is owed on", "owed", *InvoiceStatus),
    period=f.text("Only of the period with this code", "2026-fall", least=1).without_example(),
    due_before=f.day("Only due before this day"),
    due_after=f.day("Only due after this day").without_example(),
    q=f.text("Part of a name or number, or an amount", "Núñez", least=1).without_example(),
)
_TERMS = {
    "reason": f.text("Why; needed for void and adjust", "Billed by mistake", least=1, most=500),
    "adjustment": f.choice("With adjust: what kind", AdjustmentKind).without_example(),
    "amount": f.amount("With adjust: of each; all that is owed unless told", least=1).without_example(),
}
LOOK = shape_in("BulkActionTerms", **_TERMS)
START = shape_in(
    "BulkActionStart",
    seen=f.text("As the preview gave it", ",:118,4720000").needed(),
    again=f.flag("When statements are mailed: also to those who got them earlier today").without_example(),
    **_TERMS,
)
RESULTS = listing(
    "BulkResultFilters",
    outcome=f.choice("Only with this outcome", Outcome),
    format=f.one_of("All of them as a file instead", "csv").without_example(),
)
_ACTIONS = "/organizations/<uuid:organization_id>/bulk-actions/"
_ONE = _ACTIONS + "<uuid:action_id>/"


@operations.get(
    _ACTIONS,
    summary="List bulk actions",
    topic=TOPIC,
    gives=pages_of(ACTION),
    query=PAGED,
    allowed=STAFF,
)
def list_bulk_actions(query: Values) -> Answer:
    """Those that were started. A treasurer's token finds its own chapter's."""
    found = BulkAction.here().select(BulkAction.state != BulkState.CHOSEN)
    return page(bearer.reached(found, BulkAction.chapter_id), BulkAction, query, _told)


@operations.post(
    _ACTIONS,
    summary="Choose invoices for a bulk action",
    topic=TOPIC,
    gives=FORESEEN,
    takes=CHOICE,
    allowed=OFFICERS,
)
def choose_for_bulk_action(body: Values) -> Answer:
    """Fixes which invoices it is about and says what would become of them. Nothing is done before it is
    started; what nobody starts is forgotten after a day."""
    own, named = bearer.own_chapter(), body.get("invoice_ids")
    filters = {name: body.get(name) for name in ("status", "period", "due_before", "due_after", "q")}
    wanted = InvoiceFilter(chapter_id=own, among=named, **filters)
    with transaction():
        if named is not None:
            _refuse_unknown(named)
        action = choosing.choose(BulkKind(body["kind"]), wanted, g.organization, chapter_id=own, by=acting)
        return foreseen(action)


@operations.get(_ONE, summary="Watch a bulk action", topic=TOPIC, gives=ACTION, allowed=STAFF)
def read_bulk_action(action_id: UUID) -> Answer:
    """How far it is, and how many invoices met which outcome."""
    return _told(_reached(action_id))


@operations.post(
    _ONE + "preview",
    summary="Preview a bulk action",
    topic=TOPIC,
    gives=FORESEEN,
    takes=LOOK,
    status=200,
    allowed=OFFICERS,
)
def preview_bulk_action(action_id: UUID, body: Values) -> Answer:
    """What it would do now, on these terms."""
    action = _reached(action_id)
    return foreseen(action, _terms(action, body))


@operations.post(
    _ONE + "start",
    summary="Start a bulk action",
    topic=TOPIC,
    gives=ACTION,
    takes=START,
    status=202,
    allowed=OFFICERS,
)
def start_bulk_action(action_id: UUID, body: Values) -> Answer:
    """Does to all of them what the preview with `seen` said; 409 when that has changed since. Each has a turn
    and an outcome of its own: one that is refused stops no other. Mails leave after ten seconds."""
    with transaction():
        action = _reached(action_id, lock=True)
        terms, again = _terms(action, body), body.get("again", False)
        choosing.confirm(action, g.organization, terms, seen=body["seen"], by=acting, again=again)
        return _told(action)


@operations.post(
    _ONE + "stop", summary="Stop a bulk action", topic=TOPIC, gives=ACTION, status=200, allowed=OFFICERS
)
def stop_bulk_action(action_id: UUID) -> Answer:
    """What is done stays done; no other invoice is touched."""
    with transaction():
        action = _reached(action_id, lock=True)
        action.cancel(by=acting)
        return _told(action)


@operations.post(
    _ONE + "retry",
    summary="Try a bulk action's rest again",
    topic=TOPIC,
    gives=ACTION,
    status=202,
    allowed=OFFICERS,
)
def retry_bulk_action(action_id: UUID) -> Answer:
    """Those that were refused or stopped have another turn; what is done is not done twice."""
    with transaction():
        action = _reached(action_id, lock=True)
        action.retry(by=acting)
        return _told(action)


@operations.get(
    _ONE + "results/",
    summary="List what became of each invoice",
    topic=TOPIC,
    gives=pages_of(RESULT),
    query=RESULTS,
    files=("text/csv",),
    allowed=STAFF,
)
def list_bulk_results(action_id: UUID, query: Values) -> Answer:
    """In the order of their turns; `outcome=refused&format=csv` is the file of failures."""
    action, outcome = _reached(action_id), query.get("outcome")
    if query.get("format") == "csv":
        return bulk_actions.results_file(action, outcome)
    size = size_of(query) + 1
    return paged(
        progress.results(action, outcome=outcome, after=query.get("cursor"), size=size), query, RESULT.tell
    )


def _terms(action: BulkAction, body: Values) -> Terms:
    if action.kind.is_about_members:
        return action.agreed
    return Terms(body.get("reason"), body.get("adjustment"), body.get("amount"))


def _reached(action_id: UUID, *, lock: bool = False) -> BulkAction:
    action = BulkAction.here().get(action_id, lock=lock)
    bearer.in_reach(chapter_id=action.chapter_id)
    return action


def _refuse_unknown(named: list[UUID]) -> None:
    known = bearer.reached(Invoice.here().select(Invoice.id.in_(named)), Invoice.chapter_id)
    if len(db.session.scalars(known.with_only_columns(Invoice.id)).all()) < len(named):
        raise Invalid(fields={"invoice_ids": "There is no invoice with one of these ids."})


def _told(action: BulkAction) -> dict[str, Any]:
    outcomes = {outcome.value: count for outcome, count in progress.counts(action).items() if count}
    return ACTION.tell(action, outcomes=outcomes)


def foreseen(action: BulkAction, terms: Terms | None = None) -> dict[str, Any]:
    found = choosing.preview(action, g.organization, terms or action.agreed)
    return FORESEEN.tell(
        found,
        id=action.id,
        invoices=found.count,
        owed_after=found.owed - (found.change if action.kind.needs_reason else 0),
        currency=g.organization.currency,
        earlier_today=found.earlier.members if found.earlier else 0,
        seen=found.summary,
        left_out=dict(found.left_out),
    )
