"""Mail that somebody of the staff sends now, beside what goes out by itself."""

from datetime import date

from sqlalchemy.orm import joinedload

from webapp.core import audit
from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import Mail, MailKind, write_down
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.reminders import why_not
from webapp.domain.organizations import Login, Member


def remind(invoice: Invoice, *, on: date, by: Login, links: Links) -> None:
    """A reminder of a locked invoice, once a day at most. It is looked at again before it leaves."""
    member = Member.here().get(invoice.member_id)
    if reason := why_not(invoice, member, on=on):
        raise Conflict(reason)
    write_down(
        MailKind.REMINDER,
        member.email,
        once=f"reminder:{invoice.id}:by-hand:{on}",
        domain=links.domain,
        member_id=member.id,
        invoice_id=invoice.id,
        details={"offset": (on - invoice.due_on).days, "by_hand": True},
    )
    audit.record("reminded by hand", invoice, by=by, after={"email": member.email})


def send_invoice(invoice: Invoice, *, by: Login, links: Links) -> None:
    """The invoice by mail once more, to the address the member has by now; or for the first time."""
    member = Member.here().get(invoice.member_id)
    newest = (
        Mail.here()
        .select(Mail.invoice_id == invoice.id, Mail.kind == MailKind.INVOICE)
        .options(joinedload(Mail.member))
        .order_by(Mail.id.desc())
        .limit(1)
    )
    mail = db.session.scalars(newest).first()
    if mail is not None:
        mail.send_again(by=by)
        return
    write_down(
        MailKind.INVOICE,
        member.email,
        once=f"{MailKind.INVOICE.value}:{invoice.id}",
        domain=links.domain,
        member_id=member.id,
        invoice_id=invoice.id,
    )
    audit.record("mailed by hand", invoice, by=by, after={"email": member.email})
