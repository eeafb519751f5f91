"""Payment pages that the processor knows and we forgot, because an older database was restored."""

from uuid import UUID

from webapp.core import audit
from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.checkout import Checkout, CheckoutState, next_attempt
from webapp.domain.payments.gateway import HostedCheckout, HostedState
from webapp.domain.payments.payment import Method, Payment
from webapp.domain.payments.processor import PaymentProcessor


class InvoiceForgotten(Conflict):
    message = "A page was opened for an invoice that is not in this database any more."
    next_step = "Look at the payment on the processor's own page: bill the member again, or refund it."


def adopt(processor: PaymentProcessor, page: HostedCheckout) -> Checkout | None:
    """Our rows of this page again, with the ids the processor kept. None when we have them or it is not ours.

    What was paid on it is learned afterwards, like always: by looking.
    """
    names = page.metadata
    if names.get("processor_id") != str(processor.id):
        return None
    checkout_id, payment_id, invoice_id = (
        UUID(names[f"{what}_id"]) for what in ("checkout", "payment", "invoice")
    )
    if page.state is HostedState.EXPIRED or Checkout.here().first(Checkout.id == checkout_id):
        return None
    invoice = Invoice.here().first(Invoice.id == invoice_id, lock=True)
    if invoice is None:
        raise InvoiceForgotten
    payment = Payment(
        id=payment_id,
        member_id=invoice.member_id,
        chapter_id=invoice.chapter_id,
        processor_id=processor.id,
        method=Method.UNKNOWN,
        amount=page.amount,
        currency=page.currency,
    )
    db.session.add(payment)
    db.session.flush()
    checkout = Checkout(
        id=checkout_id,
        invoice_id=invoice.id,
        payment_id=payment.id,
        processor_id=processor.id,
        attempt=next_attempt(invoice.id),
        amount=page.amount,
        state=_state(page, invoice),
        asked={},
        expires_at=page.expires_at,
        session_reference=page.reference,
    )
    db.session.add(checkout)
    audit.record("payment_page_found_again", payment, by=None, after={"session": page.reference})
    return checkout


def _state(page: HostedCheckout, invoice: Invoice) -> CheckoutState:
    """One that can still be paid goes on being the invoice's page, unless there is another by now."""
    can_be_paid = page.state is HostedState.OPEN and Checkout.unfinished_of(invoice.id) is None
    return CheckoutState.OPENING if can_be_paid else CheckoutState.CLOSED
