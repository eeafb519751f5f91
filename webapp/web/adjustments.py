"""Adjustments that were asked for, and what was said to each, as officers and the office see them."""

from typing import Any
from uuid import UUID

from flask import Response as File
from flask import render_template, request
from flask_login import current_user
from sqlalchemy.orm import undefer
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing import adjustment_effect, adjustment_search
from webapp.domain.billing.adjustment_search import WantedAdjustments
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, AdjustmentState
from webapp.domain.billing.attachments import Attachment
from webapp.domain.organizations import tokens
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

_HEADER = (
    "asked_on", "invoice", "member_number", "member", "chapter", "kind", "direction", "amount_minor",
    "amount", "currency", "state", "reason", "asked_by", "decided_on", "decided_by", "decision_reason",
)  # fmt: skip


def index(persona: str, *, chapter_id: UUID | None = None) -> Response:
    wanted = WantedAdjustments(
        state=request.args.get("state", type=AdjustmentState),
        kind=request.args.get("kind", type=AdjustmentKind),
        chapter_id=chapter_id,
        text=request.args.get("q", "").strip(),
    )
    if wants_csv():
        every = adjustment_search.find(current_organization, wanted)
        return stream_rows("adjustments.csv", _HEADER, every, _as_row)
    after = request.args.get("after", type=UUID)
    found = db.session.scalars(
        adjustment_search.find(current_organization, wanted, after=after, limit=PAGE)
    ).all()
    rows, last = page_of(found)
    return respond(
        "shared/adjustments/index.html",
        "shared/adjustments/_list.html",
        persona=persona,
        rows=rows,
        after=last.id if last else None,
        wanted=wanted,
        states=[(state.value, state.label) for state in AdjustmentState],
        kinds=[(kind.value, kind.label) for kind in AdjustmentKind],
    )


def show(persona: str, adjustment_id: UUID, *, chapter_id: UUID | None = None) -> str:
    adjustment = loaded(adjustment_id, chapter_id=chapter_id)
    return render_template(
        "shared/adjustments/show.html",
        persona=persona,
        adjustment=adjustment,
        document=Attachment.of(adjustment),
        moves=adjustment_effect.moves_of(adjustment),
        asked=request_of(adjustment),
        mine=adjustment.is_requested and adjustment.requested_by_id == tokens.behind(current_user).person_id,
    )


def document(adjustment_id: UUID, *, chapter_id: UUID | None = None, member_id: UUID | None = None) -> File:
    """What was sent along: to be saved, never shown inside a page."""
    adjustment = loaded(adjustment_id, chapter_id=chapter_id, member_id=member_id)
    kept = db.session.scalars(
        Attachment.here()
        .select(Attachment.adjustment_id == adjustment.id)
        .options(undefer(Attachment.content))
    ).first()
    if kept is None:
        raise NotFound
    response = File(kept.content, mimetype=kept.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=kept.name)
    return response


def withdraw(persona: str, adjustment_id: UUID, **reach: Any) -> Response:
    adjustment = loaded(adjustment_id, **reach)
    with transaction():
        waiting = request_of(adjustment)
        if waiting is None:
            raise NotFound
        waiting.withdraw(by=current_user, tell=wiring.DENIALS, on=current_organization.today)
    return see_other(
        f"{persona}.invoice", invoice_id=adjustment.invoice_id, notice="Withdrawn. Nothing changed."
    )


def loaded(
    adjustment_id: UUID, *, chapter_id: UUID | None = None, member_id: UUID | None = None
) -> Adjustment:
    """With its invoice and people; NotFound out of reach."""
    wanted = WantedAdjustments(chapter_id=chapter_id, member_id=member_id)
    statement = adjustment_search.find(current_organization, wanted).where(Adjustment.id == adjustment_id)
    found: Adjustment | None = db.session.scalars(statement).first()
    if found is None:
        raise NotFound
    return found


def request_of(adjustment: Adjustment) -> ApprovalRequest | None:
    """The request that waits, or waited, for a second person."""
    return ApprovalRequest.here().first(
        ApprovalRequest.action == adjustment.kind.action, ApprovalRequest.subject_id == adjustment.id
    )


def _as_row(one: Adjustment) -> tuple[Any, ...]:
    invoice = one.invoice
    return (
        one.created_at.date(), invoice.number, invoice.member.number, invoice.member.name,
        invoice.chapter.code, one.kind.value, one.direction.value, one.amount,
        money.plain(one.amount, invoice.currency), invoice.currency, one.state.value, one.reason,
        one.requested_by.name if one.requested_by else "Duesbook",
        one.decided_at.date() if one.decided_at else None,
        one.decided_by.name if one.decided_by else None, one.decision_reason,
    )  # fmt: skip
