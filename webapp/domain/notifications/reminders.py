"""Who is reminded of what on a day: the steps around each due date, each at most once, none after payment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, and_, column, exists, func, select, values
from sqlalchemy.dialects.postgresql import distinct_on, insert

from webapp.core.db import db, new_id
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications.delivery import Mail, MailKind, message_id, promise_delivery
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Chapter, Member, Organization
from webapp.domain.payments.dispute_search import contested

CATCH_UP_DAYS = 5


@dataclass(frozen=True)
class DueReminder:
    """One step of one invoice. `offset` is days from the due date, negative before it."""

    invoice_id: UUID
    number: str
    member_id: UUID
    member_number: str
    member: str
    email: str
    language: str | None
    chapter: str
    due_on: date
    owed: int
    offset: int

    @property
    def once(self) -> str:
        return f"reminder:{self.invoice_id}:{self.offset}"


def due(
    organization: Organization,
    on: date,
    *,
    chapter_id: UUID | None = None,
    after: UUID | None = None,
    limit: int | None = None,
) -> Sequence[DueReminder]:
    """Who gets a reminder when this day begins, in the order of the invoices.

    After missed nights only the latest step goes out, and none that is more than a few days late.
    """
    offsets = DuesSettings.of(organization).reminder_days
    if not offsets:
        return []
    latest = _latest_steps(organization, on, offsets)
    steps = (latest if chapter_id is None else latest.where(Invoice.chapter_id == chapter_id)).subquery()
    sent = exists().where(
        Mail.organization_id == organization.id,
        Mail.once == func.concat("reminder:", steps.c.invoice_id, ":", steps.c.offset),
    )
    found = select(steps).where(~sent).order_by(steps.c.invoice_id).limit(limit)
    if after is not None:
        found = found.where(steps.c.invoice_id > after)
    return [DueReminder(**row) for row in db.session.execute(found).mappings()]


def _latest_steps(organization: Organization, on: date, offsets: Sequence[int]) -> Select[Any]:
    steps = values(column("days", Integer), name="steps").data([(days,) for days in offsets])
    day = Invoice.due_on + steps.c.days
    paused = and_(Member.reminders_paused_until.is_not(None), Member.reminders_paused_until >= on)
    return (
        select(
            Invoice.id.label("invoice_id"),
            Invoice.number,
            Member.id.label("member_id"),
            Member.number.label("member_number"),
            Member.name_column().label("member"),
            Member.email,
            Member.language,
            Chapter.name.label("chapter"),
            Invoice.due_on,
            Invoice.owed,
            steps.c.days.label("offset"),
        )
        .join(Member, and_(Member.organization_id == Invoice.organization_id, Member.id == Invoice.member_id))
        .join(
            Chapter,
            and_(Chapter.organization_id == Invoice.organization_id, Chapter.id == Invoice.chapter_id),
        )
        .join(steps, and_(day <= on, day > on - timedelta(days=CATCH_UP_DAYS), day > Invoice.issued_on))
        .where(
            Invoice.organization_id == organization.id,
            Invoice.owed > 0,
            Invoice.processing.is_(False),
            Invoice.on_plan.is_(False),
            ~contested(),
            func.coalesce(Member.email, "") != "",
            ~paused,
        )
        .ext(distinct_on(Invoice.id))
        .order_by(Invoice.id, steps.c.days.desc())
    )


def example(organization: Organization, days: int, on: date) -> UUID | None:
    """An invoice to try a step's text on: the next that reaches it from that day on, else the oldest."""
    is_past = Invoice.due_on + days < on
    found: UUID | None = db.session.scalar(
        select(Invoice.id)
        .join(Member, and_(Member.organization_id == Invoice.organization_id, Member.id == Invoice.member_id))
        .where(
            Invoice.organization_id == organization.id,
            Invoice.owed > 0,
            Invoice.processing.is_(False),
            func.coalesce(Member.email, "") != "",
        )
        .order_by(is_past, Invoice.due_on, Invoice.id)
        .limit(1)
    )
    return found


def why_not(invoice: Invoice, member: Member, *, on: date) -> str | None:
    """What keeps a reminder back at the last moment, or None when it may go."""
    if invoice.is_void:
        return "The invoice was voided meanwhile."
    if invoice.owed <= 0:
        return "Nothing is owed any more."
    if invoice.processing:
        return "A payment is under way."
    if invoice.on_plan:
        return "It is on a payment plan."
    if Invoice.here().first(Invoice.id == invoice.id, contested()):
        return "A payment of it is disputed."
    if member.reminders_paused_until is not None and member.reminders_paused_until >= on:
        return "Reminders to this member are paused."
    return None


def promise(organization: Organization, on: date, links: Links) -> int:
    """Write down and promise what is due. How many reminders; the same day again adds none."""
    rows = [
        {
            "organization_id": organization.id,
            "id": (mail_id := new_id()),
            "kind": MailKind.REMINDER,
            "recipient": one.email,
            "once": one.once,
            "message_id": message_id(mail_id, links.domain),
            "invoice_id": one.invoice_id,
            "member_id": one.member_id,
            "details": {"offset": one.offset},
        }
        for one in due(organization, on)
    ]
    if not rows:
        return 0
    written = insert(Mail).on_conflict_do_nothing().returning(Mail.id)
    return promise_delivery(db.session.scalars(written, rows))
