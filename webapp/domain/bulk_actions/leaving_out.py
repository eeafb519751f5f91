"""Which of the chosen are left out, and why: asked for the preview, and again at each turn."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, null, select

from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkKind, BulkResult, Terms
from webapp.domain.notifications import outcomes
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments.dispute_search import contested

Objection = tuple[ColumnElement[bool], str]

_VOID: Objection = (Invoice.status == InvoiceStatus.VOID, "It is void.")
_NOTHING_OWED: Objection = (Invoice.owed <= 0, "Nothing is owed on it.")
_UNDER_WAY: Objection = (Invoice.processing.is_(True), "A payment is under way.")
NO_ADDRESS = "There is no email address."
_NO_ADDRESS: Objection = (func.coalesce(Member.email, "") == "", NO_ADDRESS)


def why_not(kind: BulkKind, organization: Organization, terms: Terms) -> ColumnElement[Any]:
    """The sentence for one of `rows`; null when it is done."""
    objections = _OBJECTIONS[kind](organization, terms)
    return case(*[(met, literal(sentence)) for met, sentence in objections], else_=null())


def rows(action: BulkAction, *columns: Any) -> Select[Any]:
    """What was chosen: each with its member, and with its invoice where it is about one."""
    here = BulkResult.organization_id
    whose = func.coalesce(BulkResult.member_id, Invoice.member_id)
    return (
        select(*columns)
        .select_from(BulkResult)
        .outerjoin(Invoice, and_(Invoice.organization_id == here, Invoice.id == BulkResult.invoice_id))
        .join(Member, and_(Member.organization_id == here, Member.id == whose))
        .where(here == action.organization_id, BulkResult.action_id == action.id)
    )


def _to_a_reminder(organization: Organization, _: Terms) -> list[Objection]:
    today = organization.today
    reminded = exists().where(
        Mail.organization_id == Invoice.organization_id,
        Mail.invoice_id == Invoice.id,
        Mail.kind == MailKind.REMINDER,
        Mail.created_at >= organization.midnight(today),
    )
    paused = and_(Member.reminders_paused_until.is_not(None), Member.reminders_paused_until >= today)
    return [
        _VOID,
        _NOTHING_OWED,
        _UNDER_WAY,
        (contested(), "A payment of it is disputed."),
        _NO_ADDRESS,
        (paused, "Reminders to this member are paused."),
        (reminded, "A reminder went out today already."),
    ]


def _to_sending_again(_: Organization, __: Terms) -> list[Objection]:
    under_way = exists().where(
        Mail.organization_id == Invoice.organization_id,
        Mail.invoice_id == Invoice.id,
        Mail.kind == MailKind.INVOICE,
        Mail.state.in_((MailState.QUEUED, MailState.SENDING)),
    )
    return [_VOID, _NO_ADDRESS, (under_way, "It is being sent right now.")]


def _to_voiding(_: Organization, __: Terms) -> list[Objection]:
    return [(_VOID[0], "It is void already."), _UNDER_WAY]


def _to_adjusting(_: Organization, terms: Terms) -> list[Objection]:
    if terms.raises:
        return [_VOID]
    too_much = Invoice.owed < (terms.amount or 0), "Less than that is owed on it."
    return [_VOID, _NOTHING_OWED, too_much]


def _to_a_statement(_: Organization, __: Terms) -> list[Objection]:
    unwanted = Member.statements_by_mail.is_(False)
    return [
        _NO_ADDRESS,
        (unwanted, "Asked not to get statements by mail."),
        (outcomes.bounces(), "The last mail to this address could not be delivered."),
    ]


def _to_nothing(_: Organization, __: Terms) -> list[Objection]:
    return [(literal(False), "")]


_OBJECTIONS: dict[BulkKind, Callable[[Organization, Terms], list[Objection]]] = {
    BulkKind.REMIND: _to_a_reminder,
    BulkKind.SEND_AGAIN: _to_sending_again,
    BulkKind.VOID: _to_voiding,
    BulkKind.ADJUST: _to_adjusting,
    BulkKind.EXPORT: _to_nothing,
    BulkKind.MAIL_STATEMENTS: _to_a_statement,
}
