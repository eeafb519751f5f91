"""The mails about many invoices at once: issued, charged a late fee, gone again."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.billing.ids import new_ids
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.late_fees import LateFee
from webapp.domain.billing.run import BillingBatch
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.notifications.delivery import NO_ADDRESS, Mail, MailKind, MailState, promise_delivery
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Member


def invoices_issued(links: Links, batch_id: UUID) -> None:
    batch = BillingBatch.here().get(batch_id)
    members = Invoice.member_id.between(batch.first_member_id, batch.last_member_id)
    _to_members(
        MailKind.INVOICE,
        links,
        Invoice.run_id == batch.run_id,
        members,
        Invoice.status != InvoiceStatus.VOID,
    )


def late_fees_charged(links: Links, run_id: UUID) -> None:
    """Who has paid since, or whose fee was waived, hears nothing."""
    charged = LateFee.here().select(LateFee.run_id == run_id).with_only_columns(LateFee.invoice_id)
    _to_members(MailKind.LATE_FEE, links, Invoice.owed > 0, Invoice.id.in_(charged))


def run_undone(links: Links, run_id: UUID) -> None:
    """Only members who may have seen their invoice hear that it is gone."""
    mailed = select(Mail.invoice_id).where(
        Mail.organization_id == tenancy.organization_id(),
        Mail.kind == MailKind.INVOICE,
        Mail.state.in_([MailState.SENT, MailState.SENDING]),
    )
    _to_members(
        MailKind.CANCELLATION,
        links,
        Invoice.run_id == run_id,
        Invoice.status == InvoiceStatus.VOID,
        Invoice.id.in_(mailed),
    )


def _to_members(kind: MailKind, links: Links, *conditions: ColumnElement[bool]) -> None:
    """One statement for any number of invoices. Without an address the row says so instead."""
    reachable = func.coalesce(Member.email, "") != ""
    found = (
        select(
            new_ids().label("id"),
            Invoice.id.label("invoice_id"),
            Invoice.member_id,
            func.coalesce(Member.email, "").label("recipient"),
            case((reachable, MailState.QUEUED.value), else_=MailState.DROPPED.value).label("state"),
            case((reachable, None), else_=NO_ADDRESS).label("note"),
        )
        .join(Member, and_(Member.organization_id == Invoice.organization_id, Member.id == Invoice.member_id))
        .where(Invoice.organization_id == tenancy.organization_id(), *conditions)
        .order_by(Invoice.year, Invoice.sequence)
        .subquery()
    )
    row = {
        "organization_id": literal(tenancy.organization_id()),
        "id": found.c.id,
        "kind": literal(kind.value),
        "recipient": found.c.recipient,
        "once": func.concat(f"{kind.value}:", found.c.invoice_id),
        "message_id": func.concat("<", found.c.id, f"@{links.domain}>"),
        "invoice_id": found.c.invoice_id,
        "member_id": found.c.member_id,
        "state": found.c.state,
        "note": found.c.note,
    }
    written = (
        insert(Mail)
        .from_select(list(row), select(*row.values()))
        .on_conflict_do_nothing()
        .returning(Mail.id, Mail.state)
    )
    promise_delivery([id for id, state in db.session.execute(written) if state is MailState.QUEUED])
