"""What became of the mails: for an invoice's history, and for whoever has to mend an address."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from webapp.core import clock, tenancy
from webapp.core.db import db
from webapp.domain.notifications.delivery import Mail, MailState
from webapp.domain.organizations import Member

_RECENT = timedelta(days=14)


def of_invoice(invoice_id: UUID) -> Sequence[Mail]:
    """Mails about this invoice that went out or could not."""
    return Mail.here().all(
        Mail.invoice_id == invoice_id, Mail.state.in_((MailState.SENT, MailState.FAILED)), order_by=Mail.id
    )


def undeliverable(member_ids: Sequence[UUID]) -> dict[UUID, Mail]:
    """Of these members, whose last mail to the address that they have by now could not be delivered."""
    theirs = and_(Member.organization_id == Mail.organization_id, Member.id == Mail.member_id)
    latest = (
        Mail.here()
        .select(
            Mail.member_id.in_(member_ids),
            Mail.recipient == Member.email,
            Mail.state.in_((MailState.SENT, MailState.FAILED)),
        )
        .join(Member, theirs)
        .ext(distinct_on(Mail.member_id))
        .order_by(Mail.member_id, Mail.id.desc())
    )
    found = [mail for mail in db.session.scalars(latest) if mail.state is MailState.FAILED]
    return {mail.member_id: mail for mail in found if mail.member_id is not None}


def bounces() -> ColumnElement[bool]:
    """The same, asked of each member in a query."""
    latest = (
        select(Mail.state)
        .where(
            Mail.organization_id == Member.organization_id,
            Mail.member_id == Member.id,
            Mail.recipient == Member.email,
            Mail.state.in_((MailState.SENT, MailState.FAILED)),
        )
        .order_by(Mail.id.desc())
        .limit(1)
        .correlate(Member)
    )
    return latest.scalar_subquery() == MailState.FAILED


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
