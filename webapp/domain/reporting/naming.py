"""What things are called: the word by which a person knows each of them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select, union_all

from webapp.core import tenancy
from webapp.core.db import OrganizationRow, db
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.rates import DuesRate
from webapp.domain.billing.run import BillingRun
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.organizations import (
    ApiToken,
    Chapter,
    Invitation,
    Login,
    Member,
    MemberStatus,
    PledgeClass,
    Role,
    RosterImport,
)
from webapp.domain.payments.batches import ReceiptBatch
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.refunds.refund import Refund

_NAMES: dict[type[OrganizationRow], Any] = {
    Chapter: Chapter.name,
    Member: func.concat_ws(" ", func.nullif(Member.first_name, ""), Member.last_name),
    MemberStatus: MemberStatus.label,
    PledgeClass: PledgeClass.name,
    Invoice: Invoice.number,
    BillingPeriod: BillingPeriod.name,
    AssessmentSchedule: AssessmentSchedule.name,
    PaymentProcessor: PaymentProcessor.name,
    CreditNote: CreditNote.number,
    Dispute: Dispute.reference,
    ReceiptBatch: func.nullif(ReceiptBatch.deposit_reference, ""),
    Invitation: Invitation.email,
    ApiToken: ApiToken.name,
    RosterImport: RosterImport.file_name,
}


_BORROWED: dict[type[OrganizationRow], tuple[Any, type[OrganizationRow]]] = {
    ApprovalRequest: (ApprovalRequest.member_id, Member),
    Payment: (Payment.member_id, Member),
    Refund: (Refund.member_id, Member),
    Adjustment: (Adjustment.invoice_id, Invoice),
    BillingRun: (BillingRun.schedule_id, AssessmentSchedule),
    DuesRate: (DuesRate.status_id, MemberStatus),
}
"""Named after another row: a payment after who paid."""


def names_of(ids: Collection[UUID]) -> dict[UUID, str]:
    """Those of them that have a name, in one question."""
    if not ids:
        return {}
    here = tenancy.organization_id()
    parts = [
        select(kind.id, name).where(kind.organization_id == here, kind.id.in_(ids))
        for kind, name in _NAMES.items()
    ]
    for kind, (owner_id, owner) in _BORROWED.items():
        its_owner = and_(owner.organization_id == kind.organization_id, owner.id == owner_id)
        found = select(kind.id, _NAMES[owner]).join(owner, its_owner)
        parts.append(found.where(kind.organization_id == here, kind.id.in_(ids)))
    people = select(Role.id, Login.name).join(Login, Login.id == Role.login_id)
    parts.append(people.where(Role.organization_id == here, Role.id.in_(ids)))
    parts.append(select(Login.id, Login.name).where(Login.id.in_(ids)))
    return {row[0]: row[1] for row in db.session.execute(union_all(*parts)) if row[1]}
