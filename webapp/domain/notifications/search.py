"""Finding mails: by outcome, by kind, by whom they are for."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import joinedload

from webapp.core.db import HasId
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import NO_ADDRESS, Mail, MailKind, MailState
from webapp.domain.organizations import Member

ON_PAPER = "on_paper"


@dataclass(frozen=True)
class WantedMails:
    """`state` is a MailState, or `on_paper`: not sent because the member has no address."""

    state: str | None = None
    kind: MailKind | None = None
    text: str = ""


def mails(organization: HasId, wanted: WantedMails, *, after: UUID | None = None) -> Select[Any]:
    """Newest first, with invoice and member."""
    statement = (
        Mail.in_(organization)
        .select(*_conditions(organization, wanted))
        .options(joinedload(Mail.invoice), joinedload(Mail.member))
        .order_by(Mail.id.desc())
    )
    return statement.where(Mail.id < after) if after is not None else statement


def _conditions(organization: HasId, wanted: WantedMails) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state == ON_PAPER:
        found.append(and_(Mail.state == MailState.DROPPED, Mail.note == NO_ADDRESS))
    elif wanted.state:
        found.append(Mail.state == MailState(wanted.state))
    if wanted.kind is not None:
        found.append(Mail.kind == wanted.kind)
    if wanted.text:
        found.append(_matching(organization, wanted.text))
    return found


def _matching(organization: HasId, text: str) -> ColumnElement[bool]:
    """By address, by the member's name or number, or by the invoice's number."""
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    name = Member.first_name + " " + Member.last_name
    members = select(Member.id).where(
        Member.organization_id == organization.id, or_(name.ilike(pattern), Member.number.ilike(pattern))
    )
    invoices = select(Invoice.id).where(
        Invoice.organization_id == organization.id, Invoice.number.ilike(pattern)
    )
    return or_(Mail.recipient.ilike(pattern), Mail.member_id.in_(members), Mail.invoice_id.in_(invoices))
