"""A member's home: what is owed, what is due next, and what was paid."""

from flask import render_template
from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.credits import search
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.plans import outlook
from webapp.domain.reporting.standing import good_standing
from webapp.web.gates import current_member, current_organization
from webapp.web.members import members


@members.get("/")
def home() -> str:
    mine = Invoice.here().select(Invoice.member_id == current_member.id)
    shown = mine.where(Invoice.status != InvoiceStatus.VOID).options(joinedload(Invoice.period))
    invoices = db.session.scalars(shown.order_by(Invoice.issued_on.desc(), Invoice.id.desc()).limit(50)).all()
    payments = (
        Payment.here()
        .select(Payment.member_id == current_member.id, Payment.state != PaymentState.STARTED)
        .order_by(Payment.id.desc())
        .limit(20)
    )
    return render_template(
        "members/home/index.html",
        today=current_organization.today,
        member=current_member,
        owing=sorted((one for one in invoices if one.owed), key=lambda one: one.due_on),
        settled=[one for one in invoices if not one.owed],
        payments=db.session.scalars(payments).all(),
        credit_notes=search.held_for(current_member.id),
        standing=good_standing.of(current_member, current_organization.today),
        plans=outlook.current_of(current_member.id),
    )
