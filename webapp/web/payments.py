"""The list of payments and a payment, as treasurers and the national office both see them."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import receipts
from webapp.domain.organizations import Chapter
from webapp.domain.payments import meant, search
from webapp.domain.payments.batches import ReceiptBatch, ReceiptLine
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.payment import Allocation, Method, Payment, PaymentState
from webapp.domain.refunds.refund import Refund
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

_HEADER = (
    "date", "member_number", "member", "chapter", "method", "state", "currency", "amount", "fee", "allocated",
    "credited", "returned", "reference",
)  # fmt: skip


def index(persona: str, *, chapter: Chapter | None = None) -> Response:
    """The list for this address's filters: a page, the part that changed, or a file."""
    wanted = _wanted(chapter)
    if wants_csv():
        return stream_rows("payments.csv", _HEADER, search.payments(current_organization, wanted), _as_row)
    after = request.args.get("after", type=UUID)
    rows, last = page_of(search.payments_page(current_organization, wanted, after=after, size=PAGE + 1))
    return respond(
        "shared/payments/index.html",
        "shared/payments/_list.html",
        persona=persona,
        rows=rows,
        after=last.id if last else None,
        wanted=wanted,
        states=[(state.value, state.value.capitalize()) for state in PaymentState],
        methods=[(method.value, method.label) for method in Method],
    )


def loaded(payment_id: UUID, *, chapter: Chapter | None = None) -> Payment:
    """The payment with all that its page shows; a treasurer finds only those of the own chapter."""
    statement = Payment.here().select(Payment.id == payment_id)
    people = joinedload(Payment.member), joinedload(Payment.chapter), joinedload(Payment.processor)
    found = db.session.scalars(statement.options(*people)).first()
    if found is None or (chapter is not None and found.chapter_id != chapter.id):
        raise NotFound
    return found


def page(persona: str, payment: Payment, form: Form | None = None) -> str:
    """`form` confirms the fee by hand."""
    allocations = Allocation.here().all(Allocation.payment_id == payment.id, order_by=Allocation.id)
    settled = {allocation.invoice_id for allocation in allocations}
    checkout = Checkout.here().first(Checkout.payment_id == payment.id) if payment.processor_id else None
    refunds = Refund.here().all(Refund.payment_id == payment.id, order_by=Refund.id)
    wanted = settled | {refund.invoice_id for refund in refunds if refund.invoice_id}
    return render_template(
        "shared/payments/show.html",
        persona=persona,
        payment=payment,
        checkout=checkout,
        allocations=allocations,
        invoices=_named(payment, wanted),
        refunds=refunds,
        disputes=_disputes(payment),
        batch=_batch(payment),
        receipt=receipts.of(payment),
        form=form,
    )


def _named(payment: Payment, wanted: set[UUID]) -> dict[UUID, Invoice]:
    """These invoices, and those that the payment was meant for."""
    concerned = Invoice.id.in_(wanted) | Invoice.id.in_(meant.invoices_of(payment.id))
    return {invoice.id: invoice for invoice in Invoice.here().all(concerned)}


def send_receipt(persona: str, payment_id: UUID, *, chapter: Chapter | None = None) -> Response:
    """By mail, again as often as somebody wishes."""
    payment = loaded(payment_id, chapter=chapter)
    with transaction():
        receipts.send(payment, by=current_user)
    notice = f"The receipt is on its way to {payment.member.email}."
    return see_other(f"{persona}.payment", payment_id=payment_id, notice=notice)


def _disputes(payment: Payment) -> Sequence[Dispute]:
    """Nobody contests what came by hand."""
    if payment.processor_id is None:
        return []
    return Dispute.here().all(Dispute.payment_id == payment.id, order_by=Dispute.id)


def _batch(payment: Payment) -> ReceiptBatch | None:
    """What it came together with."""
    if payment.receipt_line_id is None:
        return None
    line = select(ReceiptLine.batch_id).where(
        ReceiptLine.organization_id == payment.organization_id, ReceiptLine.id == payment.receipt_line_id
    )
    return ReceiptBatch.here().first(ReceiptBatch.id == line.scalar_subquery())


def _wanted(chapter: Chapter | None) -> search.WantedPayments:
    return search.WantedPayments(
        chapter_id=chapter.id if chapter else None,
        member_id=request.args.get("member", type=UUID),
        text=request.args.get("q", "").strip(),
        state=request.args.get("state", type=PaymentState),
        method=request.args.get("method", type=Method),
        needs=request.args.get("needs", ""),
        since=request.args.get("since", type=date.fromisoformat),
        until=request.args.get("until", type=date.fromisoformat),
        oldest_first=request.args.get("sort") == "date",
    )


def _as_row(payment: Payment) -> tuple[Any, ...]:
    def plain(amount: int | None) -> str:
        return "" if amount is None else money.plain(amount, payment.currency)

    return (
        (payment.received_on or payment.created_at.date()).isoformat(),
        payment.member.number,
        payment.member.name,
        payment.chapter.code,
        payment.method.value,
        payment.state.value,
        payment.currency,
        plain(payment.amount),
        plain(payment.fee),
        plain(payment.allocated),
        plain(payment.credited),
        plain(payment.returned),
        payment.reference or payment.intent_reference,
    )
