"""What became of the mails: for an invoice's history, and for whoever has to mend an address."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, func, select

from webapp.core import clock, tenancy
from webapp.domain.notifications.delivery import Mail, MailState
from webapp.domain.organizations import Member

_RECENT = timedelta(days=14)


def of_invoice(invoice_id: UUID) -> Sequence[Mail]:
    """Mails about this invoice that went out or could not."""
    return Mail.here().all(
        Mail.invoice_id == invoice_id, Mail.state.in_((MailState.SENT, MailState.FAILED)), order_by=Mail.id
    )


def failed(*, chapter_id: UUID | None = None) -> Select[int]:
    """Counts the mails that could not be delivered in the last two weeks."""
    statement = (
        select(func.count())
        .select_from(Mail)
        .where(
            Mail.organization_id == tenancy.organization_id(),
            Mail.state == MailState.FAILED,
            Mail.created_at > clock.now() - _RECENT,
        )
    )
    if chapter_id is not None:
        same = (Member.organization_id == Mail.organization_id) & (Member.id == Mail.member_id)
        statement = statement.join(Member, same).where(Member.chapter_id == chapter_id)
    return statement
