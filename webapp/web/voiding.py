"""Voiding an invoice: what it takes back is shown first, and a reason is asked for."""

from typing import Any
from uuid import UUID

from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.core.errors import Conflict
from webapp.domain import ledger
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments import voiding
from webapp.web import invoices
from webapp.web.forms import ReasonForm
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other


def new(persona: str, invoice_id: UUID, **conditions: Any) -> Response:
    return _page(persona, invoices.loaded(invoice_id, **conditions), ReasonForm())


def create(persona: str, invoice_id: UUID, **conditions: Any) -> Response:
    form, shown = ReasonForm(), invoices.loaded(invoice_id, **conditions)
    if not form.validate():
        return _page(persona, shown, form, status=422)
    with transaction():
        voiding.void(invoice_id, by=current_user, reason=form.reason.data, on=current_organization.today)
    return see_other(f"{persona}.invoice", invoice_id=invoice_id, notice=f"Invoice {shown.number} is void.")


def _page(persona: str, invoice: Invoice, form: ReasonForm, *, status: int = 200) -> Response:
    if invoice.is_void:
        raise Conflict(f"Invoice {invoice.number} is void already.")
    freed = voiding.effect(invoice)
    charged = [move.turned_round() for move in ledger.moves_of(*invoice.entries())]
    return respond(
        "shared/invoices/voiding.html",
        "shared/invoices/_voiding.html",
        status=status,
        form=form,
        persona=persona,
        invoice=invoice,
        freed=freed,
        moves=[*freed.moves, *charged],
    )
