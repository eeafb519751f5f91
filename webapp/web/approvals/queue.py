"""What waits for a decision, what was decided, and what oneself has asked for."""

from typing import Any, TypeVar
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.core import money
from webapp.domain.approvals import Action, ApprovalRequest
from webapp.domain.approvals import queue as waiting
from webapp.domain.approvals.queue import Tab, Wanted
from webapp.web.approvals import approvals
from webapp.web.deciders import reader
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

_TABS = {
    Tab.PENDING: "Waiting",
    Tab.HELD: "On hold",
    Tab.ASKED_BACK: "Asked back",
    Tab.DECIDED: "Decided",
    Tab.MINE: "Asked by you",
}
_HEADER = (
    "asked_at", "action", "member_number", "member", "chapter", "amount_minor", "amount", "currency",
    "cap_minor", "state", "asked_by", "reason", "decided_by", "decided_at", "decision_reason",
)  # fmt: skip
ChoiceT = TypeVar("ChoiceT", Tab, Action)


@approvals.get("/", endpoint="queue")
def index() -> Response:
    eyes, wanted = reader(), _wanted()
    if wants_csv():
        return stream_rows("approvals.csv", _HEADER, waiting.requests(eyes, wanted), _as_row)
    rows, last = page_of(
        waiting.page(eyes, wanted, after=request.args.get("after", type=UUID), size=PAGE + 1)
    )
    counts = waiting.counts(eyes)
    shown = [tab for tab in Tab if tab is not Tab.MINE or counts[tab] or not eyes.powers]
    return respond(
        "approvals/index.html",
        "approvals/_list.html",
        rows=rows,
        after=last.id if last else None,
        wanted=wanted,
        tabs=[(_TABS[tab], tab, counts[tab]) for tab in shown],
        actions=[(action.value, action.label.capitalize()) for action in Action],
        decidable={one.id for one in rows if eyes.may_decide(one)},
    )


def _wanted() -> Wanted:
    return Wanted(
        tab=_choice("tab", Tab) or Tab.PENDING,
        action=_choice("action", Action),
        text=request.args.get("q", "").strip(),
    )


def _choice(name: str, kind: type[ChoiceT]) -> ChoiceT | None:
    text = request.args.get(name)
    return kind(text) if text in {one.value for one in kind} else None


def _as_row(one: ApprovalRequest) -> tuple[Any, ...]:
    return (
        one.created_at.isoformat(), one.action.value, one.member.number, one.member.name,
        one.chapter.code, one.amount, money.plain(one.amount, one.currency), one.currency, one.cap,
        one.state.value,
        one.requester, one.reason, one.decided_by.name if one.decided_by else None,
        one.decided_at.isoformat() if one.decided_at else None, one.decision_reason,
    )  # fmt: skip
