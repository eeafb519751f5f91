"""Money that an officer received by hand: cash, a check, a transfer, what was deducted from pay."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func

from webapp.core import audit, tenancy, writing
from webapp.core.db import db, new_id
from webapp.core.errors import Invalid
from webapp.core.jobs import Job, later
from webapp.domain.billing.spreading import Part, Spread, lock_open_invoices, oldest_first, refuse_change
from webapp.domain.organizations import Login, Member, Organization
from webapp.domain.payments import allocation
from webapp.domain.payments.payment import OFFLINE, Method, Payment, PaymentState

ALIKE_WITHIN = timedelta(days=14)


def record_offline(
    member: Member,
    amount: int,
    *,
    method: Method,
    on: date,
    by: Login | None,
    reference: str | None = None,
    spread: Spread = oldest_first,
    seen: str | None = None,
    receipt: bool = True,
    line_id: UUID | None = None,
    deposit: str = "",
) -> Payment:
    """It is here since `on`, spread over what the member owes; what is left of it becomes a credit note.

    `seen` is the summary of the preview that somebody confirmed: PreviewChanged when it is another by now.
    With `receipt` the member gets one by mail. `line_id` is the line of a batch it comes from, and `deposit`
    that batch's reference.
    """
    organization = db.session.get_one(Organization, tenancy.organization_id())
    refuse_impossible(amount, method=method, on=on, today=organization.today)
    settled = spread(amount, lock_open_invoices(member.id))
    refuse_change(settled, amount, seen)
    payment = Payment(
        id=new_id(),
        member_id=member.id,
        chapter_id=_chapter_of(member, settled),
        method=method,
        state=PaymentState.SUCCEEDED,
        amount=amount,
        currency=organization.currency,
        reference=reference,
        receipt_line_id=line_id,
        recorded_by_id=by.id if by else None,
        settled_at=func.now(),
    )
    writing.add(payment)
    allocation.receive(payment, settled, on=on, today=organization.today, by=by, deposit=deposit)
    audit.record("record_payment", payment, by=by, after={"amount": amount, "method": method})
    if receipt:
        promise_receipt(payment)
    return payment


def refuse_impossible(amount: int, *, method: Method, on: date, today: date) -> None:
    """Invalid, with a sentence for the field that is wrong."""
    if method not in OFFLINE:
        raise Invalid("This kind of payment can't be recorded by hand.", fields={"method": "Choose another."})
    if amount <= 0:
        raise Invalid("The amount must be more than zero.", fields={"amount": "Enter more than zero."})
    if on > today:
        raise Invalid("Money is recorded once it is there.", fields={"on": "This day is still to come."})


def promise_receipt(payment: Payment) -> None:
    """By mail, once; whoever wants it again has it sent again."""
    later(
        Job.ANNOUNCE,
        once=f"payment_received:{payment.id}",
        what="payment_received",
        payment_id=payment.id,
    )


def alike(
    member_id: UUID, amount: int, *, method: Method, on: date, reference: str | None = None
) -> Sequence[Payment]:
    """What may be the same money, recorded before: same member, amount, kind and reference, about then."""
    return Payment.here().all(
        Payment.member_id == member_id,
        Payment.amount == amount,
        Payment.method == method,
        Payment.reference.is_not_distinct_from(reference),
        Payment.received_on.between(on - ALIKE_WITHIN, on + ALIKE_WITHIN),
        Payment.state == PaymentState.SUCCEEDED,
        order_by=Payment.id.desc(),
    )


def _chapter_of(member: Member, settled: Sequence[Part]) -> UUID:
    """The member's, unless all of it settles what the member owes to a chapter of before."""
    chapters = [invoice.chapter_id for invoice, _ in settled]
    return member.chapter_id if member.chapter_id in chapters or not chapters else chapters[0]
