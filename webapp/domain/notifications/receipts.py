"""A payment's receipt: whether it was mailed, and mailing it, or mailing it again."""

from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Login, Member
from webapp.domain.payments.offline import promise_receipt
from webapp.domain.payments.payment import Payment, PaymentState


def of(payment: Payment) -> Mail | None:
    return Mail.here().first(Mail.kind == MailKind.RECEIPT, Mail.payment_id == payment.id)


def send(payment: Payment, *, by: Login) -> None:
    """To the address on file, as often as somebody wishes."""
    if payment.state is not PaymentState.SUCCEEDED or payment.received_on is None:
        raise Conflict("There is no receipt for this payment.", next_step="Only money that came in has one.")
    if not Member.here().get(payment.member_id).email:
        raise Conflict("There is no email address.", next_step="Enter one on the member's page first.")
    statement = Mail.here().select(Mail.kind == MailKind.RECEIPT, Mail.payment_id == payment.id)
    mailed = db.session.scalars(statement.options(joinedload(Mail.member)).with_for_update(of=Mail)).first()
    if mailed is None:
        promise_receipt(payment)
    else:
        mailed.send_again(by=by)
