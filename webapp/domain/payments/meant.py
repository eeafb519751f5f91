"""Which invoices a payment through a processor is meant for, before it settles any: that of its page, or
those that a saved method is charged for.
"""

from uuid import UUID

from sqlalchemy import Select, false, select, true, union_all

from webapp.core import tenancy
from webapp.core.statements import shared
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.saved_charges import SavedChargePart

PARTS = shared(
    union_all(
        *(
            select(
                kind.organization_id,
                kind.payment_id,
                kind.invoice_id,
                kind.amount,
                kind.created_at,
                unattended.label("unattended"),
            )
            for kind, unattended in ((Checkout, false()), (SavedChargePart, true()))
        )
    ).subquery("meant")
)
"""So much of this payment for this invoice; `unattended` where nobody sits before a page."""


def invoices_of(payment_id: UUID) -> Select[UUID]:
    here = PARTS.c.organization_id == tenancy.organization_id()
    return select(PARTS.c.invoice_id).where(here, PARTS.c.payment_id == payment_id)


def payments_for(invoice_id: UUID) -> Select[UUID]:
    here = PARTS.c.organization_id == tenancy.organization_id()
    return select(PARTS.c.payment_id).where(here, PARTS.c.invoice_id == invoice_id)
