"""The link that opens an invoice for payment, as staff hand it out and replace it."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.web.forms import Form
from webapp.web.gates import current_access, current_organization
from webapp.web.htmx import see_other


def show(persona: str, invoice: Invoice) -> str:
    """Whoever has the link can pay like the member, so only those see it who may make one."""
    may_have = current_access.can_change_chapter(invoice.chapter_id) and not invoice.is_void
    return render_template(
        "shared/invoices/pay_link.html",
        persona=persona,
        invoice=invoice,
        form=Form(formdata=None),
        link=wiring.links().pay(current_organization, invoice) if may_have else None,
    )


def renew(persona: str, invoice_id: UUID) -> Response:
    with transaction():
        pay_link.renew(Invoice.here().get(invoice_id, lock=True), by=current_user)
    notice = "This is the new link. The older ones do not work any more."
    return see_other(f"{persona}.pay_link", invoice_id=invoice_id, notice=notice)
