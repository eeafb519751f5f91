"""The approval queue: what waits for a second person, deciding it, and asking for or answering it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy import ColumnElement, true

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.approvals import Action, ApprovalRequest, ApprovalState, queue
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import OFFICERS, STAFF, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import listing, page, pages_of

TOPIC = "Approvals"
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
REQUEST = Shape(
    "ApprovalRequest",
    {
        "id": f.identifier("The request"),
        "action": f.choice("What would be done", Action),
        "state": f.choice("How far it has come", ApprovalState),
        "amount": f.amount("How much it is about", 6_000),
        "cap": f.amount("What whoever asked may do alone; null: nothing ever", 5_000).or_null(),
        "currency": f.currency(),
        "reason": f.text("Why it was asked for", "Paid twice at the door", most=10_000),
        "order": f.text("Exactly what is carried out on approval, as canonical JSON", "{}", most=100_000),
        "order_digest": f.text("SHA-256 of the order, in hex", _DIGEST),
        "subject_id": f.identifier("The refund, adjustment or credit note it is about"),
        "member_id": f.identifier("The member it is about"),
        "chapter_id": f.identifier("The chapter it is about"),
        "invoice_id": f.identifier("The invoice it is about, if it is about one").or_null(),
        "payment_id": f.identifier("The payment it is about, if it is about one").or_null(),
        "requester": f.text("Who asked, in words", "Theo Treasurer", most=1000),
        "requested_by_id": f.identifier("Who asked, also behind a token; null for a link").or_null(),
        "requested_by_token_id": f.identifier("The token it was asked with").or_null(),
        "created_at": f.instant("When it was asked for"),
        "remark": f.text("The last question, answer or reason for holding it", "?", most=10_000).or_null(),
        "decided_by_id": f.identifier("Who decided, also behind a token").or_null(),
        "decided_by_token_id": f.identifier("The token it was decided with").or_null(),
        "decided_at": f.instant("When it was decided").or_null(),
        "decision_reason": f.text("Why it was denied", "No receipt", most=10_000).or_null(),
    },
)
FILTERS = listing(
    "ApprovalRequestFilters",
    state=f.choice("Only in this state", ApprovalState),
    action=f.choice("Only for this action", Action),
    member=f.identifier("Only about this member"),
    chapter=f.identifier("Only about this chapter"),
)
_WORDS = f.text(
    "What the other side reads", "Which door was it?", least=1, most=1000, pattern=r"^[^\x00]*\S[^\x00]*$"
)
APPROVAL = shape_in(
    "Approval",
    order_digest=f.text(
        "The digest of the order that was read: another one is not approved",
        _DIGEST,
        pattern="^[0-9a-f]{64}$",
    ).needed(),
    override_reason=f.override_reason(),
)
REMARK = shape_in("ApprovalRemark", remark=_WORDS.needed())
_PATH = "/organizations/<uuid:organization_id>/approval-requests/"
_ONE = _PATH + "<uuid:approval_id>/"


@operations.get(
    _PATH,
    summary="List approval requests",
    topic=TOPIC,
    gives=pages_of(REQUEST),
    query=FILTERS,
    allowed=STAFF,
)
def list_approval_requests(query: Values) -> Answer:
    """What one person asked for and somebody else decides. A treasurer's token finds its own chapter's."""
    filters = {
        "state": ApprovalRequest.state,
        "action": ApprovalRequest.action,
        "member": ApprovalRequest.member_id,
        "chapter": ApprovalRequest.chapter_id,
    }
    wanted = [column == query[name] for name, column in filters.items() if name in query]
    return page(queue.loaded(_sees(), *wanted), ApprovalRequest, query, REQUEST.tell)


@operations.get(_ONE, summary="Read an approval request", topic=TOPIC, gives=REQUEST, allowed=STAFF)
def read_approval_request(approval_id: UUID) -> Answer:
    """Who asked for what and why, and what became of it."""
    return REQUEST.tell(_found(approval_id))


@operations.post(
    _ONE + "approve",
    summary="Approve a request",
    topic=TOPIC,
    gives=REQUEST,
    takes=APPROVAL,
    status=200,
    allowed=OFFICERS,
)
def approve_request(approval_id: UUID, body: Values) -> Answer:
    """Carries out exactly the order whose digest is sent, or nothing. Nobody approves what they asked for
    themselves, and a token counts as whoever made it."""
    return _act(
        approval_id,
        lambda request: request.approve(
            by=acting, seen=body["order_digest"], carry_out=wiring.ACTIONS, on=g.organization.today
        ),
    )


@operations.post(
    _ONE + "deny",
    summary="Deny a request",
    topic=TOPIC,
    gives=REQUEST,
    takes=REMARK,
    status=200,
    allowed=OFFICERS,
)
def deny_request(approval_id: UUID, body: Values) -> Answer:
    """Nothing of it is done. Whoever asked reads the remark."""
    return _act(
        approval_id,
        lambda request: request.deny(
            by=acting, reason=body["remark"], tell=wiring.DENIALS, on=g.organization.today
        ),
    )


@operations.post(
    _ONE + "hold",
    summary="Put a request on hold",
    topic=TOPIC,
    gives=REQUEST,
    takes=REMARK,
    status=200,
    allowed=OFFICERS,
)
def hold_request(approval_id: UUID, body: Values) -> Answer:
    """It waits apart, and can still be decided. Whoever asked reads the remark."""
    return _act(
        approval_id,
        lambda request: request.hold(by=acting, reason=body["remark"], on=g.organization.today),
    )


@operations.post(
    _ONE + "ask-back",
    summary="Ask back about a request",
    topic=TOPIC,
    gives=REQUEST,
    takes=REMARK,
    status=200,
    allowed=OFFICERS,
)
def ask_back_about_request(approval_id: UUID, body: Values) -> Answer:
    """The remark is the question. It waits until whoever asked has answered."""
    return _act(
        approval_id,
        lambda request: request.ask_back(by=acting, question=body["remark"], on=g.organization.today),
    )


@operations.post(
    _ONE + "answer",
    summary="Answer a question about a request",
    topic=TOPIC,
    gives=REQUEST,
    takes=REMARK,
    status=200,
    allowed=OFFICERS,
)
def answer_about_request(approval_id: UUID, body: Values) -> Answer:
    """For whoever asked for it. It waits for a decision again."""
    return _act(approval_id, lambda request: request.answer(by=acting, text=body["remark"]))


@operations.post(
    _ONE + "withdraw", summary="Withdraw a request", topic=TOPIC, gives=REQUEST, status=200, allowed=OFFICERS
)
def withdraw_request(approval_id: UUID) -> Answer:
    """For whoever asked for it, as long as nobody has decided."""
    return _act(
        approval_id,
        lambda request: request.withdraw(by=acting, tell=wiring.DENIALS, on=g.organization.today),
    )


def _act(approval_id: UUID, act: Callable[[ApprovalRequest], None]) -> dict[str, Any]:
    with transaction():
        act(_found(approval_id))
    return REQUEST.tell(_found(approval_id))


def _found(approval_id: UUID) -> ApprovalRequest:
    return queue.one(ApprovalRequest.id == approval_id, _sees())


def _sees() -> ColumnElement[bool]:
    """What the token finds: everything, or its chapter's."""
    own = bearer.own_chapter()
    return true() if own is None else ApprovalRequest.chapter_id == own
