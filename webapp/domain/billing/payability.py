"""Whether money may be taken for an invoice: asked in one place before every payment, with a reason each."""

from webapp.core.errors import Conflict, Invalid, Refusal
from webapp.domain.billing.invoice import Invoice


class AlreadyPaid(Conflict):
    """The invoice was settled meanwhile, for instance by a check the treasurer recorded."""

    code = "already-paid"
    message = "This invoice has been paid already. No money was taken."
    next_step = "Load the invoice again to see the payment."


class InvoiceIsVoid(Conflict):
    code = "invoice-void"
    message = "This invoice was cancelled. There is nothing to pay."
    next_step = "Ask the treasurer if you expected to pay something."


class PaymentUnderWay(Conflict):
    """A bank debit that takes days, or a payment that waits for its fee before it is booked."""

    code = "payment-under-way"
    message = "A payment for this invoice is under way. A bank debit takes up to four business days."
    next_step = "You will hear from us when it has settled. There is nothing to do until then."


def objection(invoice: Invoice, amount: int | None = None, *, over_payment: bool = False) -> Refusal | None:
    """Why this can't be paid now, or not so much of it; None when it can.

    Without an amount all that is owed is meant. With `over_payment` more may come than is owed, for the rest
    becomes a credit note.
    """
    if invoice.is_void:
        return InvoiceIsVoid()
    if invoice.processing:
        return PaymentUnderWay()
    if amount is not None and amount <= 0:
        return Invalid(f"What settles {invoice.number} has to be more than zero.")
    if invoice.owed <= 0:
        return AlreadyPaid()
    if amount is not None and amount > invoice.owed and not over_payment:
        return Invalid(f"That is more than {invoice.number} owes.")
    return None


def refuse_unless_payable(invoice: Invoice, amount: int | None = None, *, over_payment: bool = False) -> None:
    refusal = objection(invoice, amount, over_payment=over_payment)
    if refusal is not None:
        raise refusal
