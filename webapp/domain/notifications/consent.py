"""What a payer agreed to before a payment was collected by itself: shown to whoever contests the payment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select

from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import OrganizationRow, db
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.notifications.wording import Voice
from webapp.domain.organizations import Login
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.saved_charges import SavedCharge
from webapp.domain.plans.autopay import TURNED_ON, AutopayAuthorization
from webapp.domain.plans.plan import Installment

_MAILS = (MailKind.PAYMENT_PLAN, MailKind.AUTOPAY, MailKind.INSTALLMENT)


@dataclass(frozen=True)
class Consent:
    """The words as they were shown, and who gave them, when, from where and for what."""

    plan_id: UUID
    words: str
    facts: tuple[tuple[str, str], ...]


def behind(payment: Payment, voice: Voice) -> Consent | None:
    """None for a payment that the payer made in person."""
    row = db.session.execute(_told(payment.id)).first()
    if row is None:
        return None
    word, part, name, trace = row
    told = "Down payment" if part.position == 0 else f"Installment {part.position}"
    facts = [
        ("Given by", name),
        ("Given on", voice.moment(word.given_at)),
        *_from_where(trace),
        ("Payment method chosen", word.method_label),
        ("Collected for", f"{told} of {voice.money(part.amount)}, due on {voice.day(part.due_on)}"),
    ]
    return Consent(word.plan_id, word.words, tuple(facts))


def _told(payment_id: UUID) -> Select[AutopayAuthorization, Installment, str, AuditEntry]:
    """The word, the installment, who gave the word, and what the audit trail has of that moment."""
    given = _of_charge(AutopayAuthorization, AutopayAuthorization.id == SavedCharge.authorization_id)
    noted = _of_charge(
        AuditEntry,
        AuditEntry.subject_id == SavedCharge.plan_id,
        AuditEntry.action == TURNED_ON,
        AuditEntry.at == AutopayAuthorization.given_at,
    )
    return (
        select(AutopayAuthorization, Installment, Login.name, AuditEntry)
        .select_from(SavedCharge)
        .join(AutopayAuthorization, given)
        .join(Installment, _of_charge(Installment, Installment.id == SavedCharge.installment_id))
        .join(Login, Login.id == AutopayAuthorization.given_by_id)
        .outerjoin(AuditEntry, noted)
        .where(SavedCharge.organization_id == tenancy.organization_id(), SavedCharge.payment_id == payment_id)
    )


def mails_of(consent: Consent, payment: Payment) -> Iterator[tuple[datetime, str]]:
    """What the payer was told by mail of the plan and of what would be collected, and when."""
    told = Mail.here().all(
        Mail.member_id == payment.member_id,
        Mail.kind.in_(_MAILS),
        Mail.state == MailState.SENT,
        Mail.details["plan_id"].astext == str(consent.plan_id),
    )
    for mail in told:
        yield mail.sent_at or mail.created_at, f"“{mail.subject}” mailed to {mail.recipient}"


def _from_where(trace: AuditEntry | None) -> Iterator[tuple[str, str]]:
    if trace is None:
        return
    if trace.address:
        yield "Given from", f"network address {trace.address}"
    if trace.browser:
        yield "Given with", trace.browser


def _of_charge(table: type[OrganizationRow], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(table.organization_id == SavedCharge.organization_id, *conditions)
