"""When the story happened: its mails, its documents dated back to their days, and how chapters fared."""

from datetime import timedelta
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import Insert, insert

from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing.ids import ids_at
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.reporting.health import notices, reading, scores

_LATELY = reading.CHANGE_DAYS + 1


def date_back() -> None:
    """Timelines show when things happened in the story, not when it was written down."""
    here = tenancy.organization_id()
    db.session.execute(
        update(Invoice).where(Invoice.organization_id == here).values(created_at=_at_noon(Invoice.issued_on))
    )
    db.session.execute(
        update(Payment)
        .where(Payment.organization_id == here)
        .values(created_at=_at_noon(Payment.received_on))
    )
    db.session.execute(
        update(Allocation)
        .where(
            Allocation.organization_id == here,
            Payment.organization_id == here,
            Payment.id == Allocation.payment_id,
        )
        .values(allocated_at=_at_noon(Payment.received_on))
    )


def mails() -> Insert:
    """Every invoice so far as mailed on its day, to those who have an address."""
    sent = (
        select(
            Invoice.organization_id,
            ids_at(_at_noon(Invoice.issued_on)),
            literal(MailKind.INVOICE, Mail.kind.type),
            Member.email,
            func.concat("invoice:", Invoice.id),
            func.concat("<", Invoice.id, "@demo.example>"),
            Invoice.id,
            Invoice.member_id,
            literal(MailState.SENT, Mail.state.type),
            func.concat("Invoice ", Invoice.number),
            literal({}, Mail.details.type),
            literal(1),
            _at_noon(Invoice.issued_on),
            _at_noon(Invoice.issued_on),
        )
        .join(Member, (Member.organization_id == Invoice.organization_id) & (Member.id == Invoice.member_id))
        .where(Member.email.is_not(None))
    )
    columns = [
        "organization_id", "id", "kind", "recipient", "once", "message_id", "invoice_id", "member_id",
        "state", "subject", "details", "attempts", "created_at", "sent_at",
    ]  # fmt: skip
    return insert(Mail).from_select(columns, sent).on_conflict_do_nothing()


def keep_health(organization: Organization) -> None:
    """The scores of a year as its nights would have kept them: of the ends of months, and lately of days."""
    yesterday = organization.today - timedelta(days=1)
    lately = [yesterday - timedelta(days=back) for back in range(_LATELY)]
    for day in sorted({*reading.month_ends(yesterday), *lately}):
        with transaction():
            scores.keep(organization, day)
            notices.look_after(organization, day)


def _at_noon(day: Any) -> Any:
    return func.timezone("UTC", day + func.make_interval(0, 0, 0, 0, 16))
