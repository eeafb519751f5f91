"""A late fee is waived with its invoice, when all the rest of it is and the organization says so."""

from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.late_fees import LateFee
from webapp.domain.billing.settings import DuesSettings

REASON = "The late fee is waived with the invoice."


def goes_along(invoice: Invoice, kind: AdjustmentKind, amount: int) -> int:
    """What of the fee is waived beside that amount, in minor units; asked before it is taken off."""
    rest = invoice.owed - amount
    if kind is not AdjustmentKind.WAIVER or rest <= 0:
        return 0
    settings = DuesSettings.here().first()
    if settings is None or not settings.late_fee_goes_with_waiver:
        return 0
    fee = LateFee.here().first(LateFee.invoice_id == invoice.id)
    return rest if fee is not None and rest <= fee.amount else 0
