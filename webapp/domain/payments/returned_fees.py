"""What a member pays for a bank debit that came back, where the organization asks for it."""

from datetime import date

from webapp.domain.billing.adjusting import adjust
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.payments import dispute_reasons
from webapp.domain.payments.disputed_money import Invoices
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.gateway import DisputeKind
from webapp.domain.payments.payment import Payment


def charge(dispute: Dispute, payment: Payment, invoices: Invoices, *, on: date) -> None:
    """Once per payment, as a line on the invoice that is owed again. Payment and invoices are held."""
    settings = DuesSettings.here().first()
    fee = settings.returned_debit_fee if settings and dispute.kind is DisputeKind.RETURNED_DEBIT else 0
    owed_again = [invoice for invoice in invoices.values() if invoice.owed]
    if not fee or not owed_again or _was_charged(payment):
        return
    reason = f"Bank debit returned: {dispute_reasons.in_words(dispute.reason)}"
    first = min(owed_again, key=lambda invoice: (invoice.due_on, invoice.id))
    adjust(first, Change(AdjustmentKind.FEE, fee, reason, payment_id=payment.id), by=None, on=on)


def _was_charged(payment: Payment) -> bool:
    mine = Adjustment.payment_id == payment.id, Adjustment.kind == AdjustmentKind.FEE
    return Adjustment.here().first(*mine, Adjustment.requested_by_id.is_(None)) is not None
