"""Disputes and returned debits, as treasurers and the national office both see them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response, request
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response as AnyResponse
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from webapp import wiring
from webapp.core import clock, money
from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import evidence
from webapp.domain.payments import dispute_reasons, dispute_search, meant
from webapp.domain.payments.dispute_search import Show
from webapp.domain.payments.disputes import MOST_WORDS, AnswerState, Dispute
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.reporting import dispute_history
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.invoices import as_file
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

SHOWS = [
    (Show.WAITING.value, "Waiting for an answer"),
    (Show.OPEN.value, "Open"),
    (Show.DECIDED.value, "Decided"),
]
_HEADER = (
    "opened_at", "member_number", "member", "chapter", "kind", "state", "reason", "currency", "amount_minor",
    "amount", "withdrawn_minor", "fee_minor", "lost_minor", "answer_by", "reference",
)  # fmt: skip


class StatementForm(Form):
    statement = TextAreaField(
        "Your words to the bank",
        validators=[
            DataRequired("Say in your own words why the payment was right."),
            Length(max=MOST_WORDS, message=f"Say it in {MOST_WORDS:,} characters at most."),
        ],
    )


def index(persona: str, *, chapter_id: UUID | None = None) -> AnyResponse:
    """The list for this address's filter: a page, the part that changed, or a file."""
    show = request.args.get("show", type=Show)
    if wants_csv():
        return stream_rows(
            "disputes.csv", _HEADER, dispute_search.disputes(show, chapter_id=chapter_id), _as_row
        )
    after = request.args.get("after", type=UUID)
    found = dispute_search.disputes_page(show, chapter_id=chapter_id, after=after, size=PAGE + 1)
    shown, last = page_of(found)
    return respond(
        "shared/disputes/index.html",
        "shared/disputes/_list.html",
        persona=persona,
        rows=shown,
        after=last.id if last else None,
        show=show,
        shows=SHOWS,
        now=clock.now(),
    )


def loaded(dispute_id: UUID, *, chapter_id: UUID | None = None) -> Dispute:
    """The dispute with its payment; NotFound outside of the chapter."""
    return _with_words(dispute_id, chapter_id)[0]


def _with_words(dispute_id: UUID, chapter_id: UUID | None) -> tuple[Dispute, str | None]:
    found = evidence.with_payer(Dispute.id == dispute_id).add_columns(evidence.words_sent())
    row = db.session.execute(found).one_or_none()
    if row is None or chapter_id not in (None, row[0].payment.chapter_id):
        raise NotFound
    return row[0], row[1]


def shown(dispute: Dispute, form: StatementForm | None = None) -> dict[str, Any]:
    invoices = _invoices(dispute.payment)
    if form is None:
        words = evidence.suggested_words(dispute.payment.member, current_organization, invoices)
        form = StatementForm(formdata=None, data={"statement": words})
    answers = dispute_history.answers_to(dispute)
    return {
        "dispute": dispute,
        "form": form,
        "now": clock.now(),
        "events": dispute_history.of_dispute(dispute, answers),
        "promised": any(one.state is AnswerState.PROMISED for one in answers),
        "reason": dispute_reasons.in_words(dispute.reason),
        "advice": dispute_reasons.advice(dispute.reason),
        "invoices": invoices,
    }


def _invoices(payment: Payment) -> Sequence[Invoice]:
    """What the payment settled before it was contested, or was meant for."""
    here = payment.organization_id
    settled = select(Allocation.invoice_id).where(
        Allocation.organization_id == here, Allocation.payment_id == payment.id
    )
    found = Invoice.here().select(Invoice.id.in_(settled.union(meant.invoices_of(payment.id))))
    return db.session.scalars(found.options(joinedload(Invoice.period)).order_by(Invoice.id)).all()


def records(dispute_id: UUID, *, chapter_id: UUID | None = None) -> Response:
    """What the bank would read now, with the words that were sent if any were."""
    dispute, words = _with_words(dispute_id, chapter_id)
    found = evidence.records_of(
        dispute, current_organization, statement=words or "", test_mode=wiring.settings().test_mode
    )
    return as_file(
        wiring.printer().draw_sheet("dispute_records", found, {"records": found}),
        f"dispute-{dispute.reference}.pdf",
    )


def answer(persona: str, dispute: Dispute, statement: str) -> AnyResponse:
    with transaction():
        Dispute.here().get(dispute.id, lock=True).answer(statement, by=current_user)
    return see_other(
        f"{persona}.dispute", dispute_id=dispute.id, notice="Your answer and the records are on their way."
    )


def accept(persona: str, dispute: Dispute) -> AnyResponse:
    with transaction():
        Dispute.here().get(dispute.id, lock=True).accept(by=current_user)
    return see_other(f"{persona}.dispute", dispute_id=dispute.id, notice="The bank is told that you give in.")


def _as_row(dispute: Dispute) -> tuple[Any, ...]:
    payment = dispute.payment
    return (
        *(dispute.opened_at.isoformat(), payment.member.number, payment.member.name),
        *(payment.chapter.code, dispute.kind, dispute.state, dispute.reason, payment.currency),
        *(dispute.amount, money.plain(dispute.amount, payment.currency), dispute.withdrawn),
        *(dispute.fee, dispute.lost, dispute.answer_by.isoformat() if dispute.answer_by else ""),
        dispute.reference,
    )
