"""Taking a payment back that was recorded wrongly: what will happen, and why it is done."""

from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.notifications import receipts
from webapp.domain.payments import allocation, reversing
from webapp.domain.payments.payment import Payment
from webapp.web.forms import ReasonForm
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other


def new(persona: str, payment: Payment) -> Response:
    return _page(persona, payment, ReasonForm(formdata=None))


def create(persona: str, payment: Payment) -> Response:
    form = ReasonForm()
    if not form.validate():
        return _page(persona, payment, form, status=422)
    try:
        with transaction():
            reversing.reverse(
                payment.id, by=current_user, reason=form.reason.data, on=current_organization.today
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(persona, payment, form, status=422)
    return see_other(f"{persona}.payment", payment_id=payment.id, notice="The payment is reversed.")


def _page(persona: str, payment: Payment, form: ReasonForm, status: int = 200) -> Response:
    return respond(
        "shared/payments/reversal.html",
        "shared/payments/_reversal.html",
        status=status,
        persona=persona,
        payment=payment,
        form=form,
        obstacle=reversing.obstacle(payment),
        settled=allocation.live_allocations(payment),
        receipt=receipts.of(payment),
    )
