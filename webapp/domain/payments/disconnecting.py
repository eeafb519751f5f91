"""Ending the connection to a processor: nothing is deleted, and what is under way still settles."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.organizations import Login
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.payments.processor import PaymentProcessor


@dataclass(frozen=True)
class UnderWay:
    """Payments that the processor still decides about, and their sum in minor units."""

    count: int
    amount: int


NOTHING = UnderWay(0, 0)


def under_way() -> dict[UUID, UnderWay]:
    """By processor: bank debits that have not settled, and money that waits for its fee."""
    waits = (Payment.state == PaymentState.SUCCEEDED) & Payment.received_on.is_(None)
    rows = db.session.execute(
        select(Payment.processor_id, func.count(), func.sum(Payment.amount))
        .where(
            Payment.organization_id == tenancy.organization_id(),
            Payment.processor_id.is_not(None),
            (Payment.state == PaymentState.PROCESSING) | waits,
        )
        .group_by(Payment.processor_id)
    )
    return {
        processor_id: UnderWay(count, int(amount)) for processor_id, count, amount in rows if processor_id
    }


def disconnect(processor: PaymentProcessor, *, by: Login | None) -> None:
    """No new payments go there and the open payment pages are closed. What was paid before still arrives."""
    processor.disconnect(by=by)
    open_pages = Checkout.here().select(
        Checkout.processor_id == processor.id,
        Checkout.state.in_((CheckoutState.OPENING, CheckoutState.LIVE)),
    )
    for checkout in db.session.scalars(open_pages.order_by(Checkout.id).with_for_update()):
        checkout.withdraw()
