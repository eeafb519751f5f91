"""Every payment of the organization, each with its attempts, its fee, and what it settled."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy import Select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired

from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments import checkout as checkouts
from webapp.domain.payments import fees, receiving, search
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.payment import Allocation, Method, Payment, PaymentState
from webapp.domain.refunds.refund import Refund
from webapp.web.forms import Form, MoneyField, NotNegative
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv
from webapp.web.national import national
from webapp.web.request_keys import acts_once

_HEADER = (
    "date", "member_number", "member", "chapter", "method", "state", "currency", "amount", "fee", "allocated",
    "credited", "returned", "reference",
)  # fmt: skip


class FeeForm(Form):
    fee = MoneyField("Fee", validators=[InputRequired("Enter the fee."), NotNegative()])
    reason = StringField("How do you know?", validators=[InputRequired("Say where you have read it.")])


@national.get("/payments/", endpoint="payments")
def index() -> Response:
    wanted = _wanted()
    if wants_csv():
        return stream_csv("payments.csv", _HEADER, _all_rows(search.payments(current_organization, wanted)))
    after = request.args.get("after", type=UUID)
    rows, last = page_of(search.payments_page(current_organization, wanted, after=after, size=PAGE + 1))
    return respond(
        "national/payments/index.html",
        "national/payments/_list.html",
        rows=rows,
        after=last.id if last else None,
        wanted=wanted,
        states=[(state.value, state.value.capitalize()) for state in PaymentState],
        methods=[(method.value, method.label) for method in Method],
    )


@national.get("/payments/<uuid:payment_id>/", endpoint="payment")
def show(payment_id: UUID) -> str:
    return _page(payment_id, FeeForm())


@national.post("/payments/<uuid:payment_id>/fee")
@acts_once
def confirm_fee(payment_id: UUID) -> Response | tuple[str, int]:
    form = FeeForm()
    fee = form.fee.data
    if not form.validate_on_submit() or fee is None:
        return _page(payment_id, form), 422
    try:
        with transaction():
            held = checkouts.hold(checkouts.of_payment(payment_id).id)
            fees.confirm_by_hand(held.payment, fee, reason=form.reason.data, by=current_user)
            receiving.receive_if_ready(held, on=current_organization.today, by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(payment_id, form), 422
    return see_other("national.payment", payment_id=payment_id, notice="The fee is confirmed and booked.")


def _page(payment_id: UUID, form: FeeForm) -> str:
    loaded = Payment.here().select(Payment.id == payment_id)
    payment = db.session.scalars(
        loaded.options(joinedload(Payment.member), joinedload(Payment.chapter), joinedload(Payment.processor))
    ).first()
    if payment is None:
        Payment.here().get(payment_id)
    allocations = Allocation.here().all(Allocation.payment_id == payment_id, order_by=Allocation.id)
    settled = {allocation.invoice_id for allocation in allocations}
    checkout = Checkout.here().first(Checkout.payment_id == payment_id)
    wanted = settled | ({checkout.invoice_id} if checkout else set())
    return render_template(
        "national/payments/show.html",
        payment=payment,
        checkout=checkout,
        allocations=allocations,
        invoices={invoice.id: invoice for invoice in Invoice.here().all(Invoice.id.in_(wanted))},
        refunds=Refund.here().all(Refund.payment_id == payment_id, order_by=Refund.id),
        form=form,
    )


def _wanted() -> search.WantedPayments:
    return search.WantedPayments(
        text=request.args.get("q", "").strip(),
        state=request.args.get("state", type=PaymentState),
        method=request.args.get("method", type=Method),
        needs=request.args.get("needs", ""),
        since=request.args.get("since", type=date.fromisoformat),
        until=request.args.get("until", type=date.fromisoformat),
        oldest_first=request.args.get("sort") == "date",
    )


def _all_rows(found: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """Asked only when the file is written, a page of rows at a time."""
    yield from map(_as_row, db.session.scalars(found.execution_options(yield_per=500)))


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
