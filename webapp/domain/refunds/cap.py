"""How much one officer gives back alone: everything that officer refunded of one invoice counts together."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain import approvals
from webapp.domain.approvals import Action, Limit
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.organizations import Login, Member, tokens
from webapp.domain.refunds.refund import Refund, RefundState

COUNTED = (RefundState.REQUESTED, RefundState.RELEASED, RefundState.PENDING, RefundState.SUCCEEDED)
"""What was denied, withdrawn or did not arrive gave nothing back."""


@dataclass(frozen=True)
class Cap:
    """Minor units. `limit`: None is no limit, 0 is never alone. `used` of it before this refund."""

    limit: Limit
    used: int

    @property
    def left(self) -> Limit:
        return None if self.limit is None else max(0, self.limit - self.used)

    def allows(self, amount: int) -> bool:
        return approvals.covers(self.left, amount)


def cap_on(invoice: Invoice, officer: Login, *, lock: bool = False) -> Cap:
    """With `lock`, roles, policy and settings are read as they are now, and stay so until this ends."""
    return _cap(Action.REFUND, invoice.member_id, Refund.invoice_id == invoice.id, officer, lock=lock)


def cap_on_note(note: CreditNote, officer: Login, *, lock: bool = False) -> Cap:
    """The same for a credit note, together with all that it was split off from or into."""
    family = Refund.credit_note_id.in_(_family(note))
    return _cap(Action.CREDIT_RELEASE, note.member_id, family, officer, lock=lock)


def _cap(action: Action, member_id: UUID, what: ColumnElement[bool], officer: Login, *, lock: bool) -> Cap:
    """Nobody gives money to themselves alone."""
    here, person_id = tenancy.organization_id(), tokens.behind(officer).person_id
    used = (
        select(func.coalesce(func.sum(Refund.amount), 0))
        .where(Refund.organization_id == here, Refund.state.in_(COUNTED), what)
        .where(Refund.requested_by_id == person_id)
        .scalar_subquery()
    )
    own = exists(Member.here().select(Member.id == member_id, Member.login_id == person_id))
    asked = select(DuesSettings.refund_cap, used, own).where(DuesSettings.organization_id == here)
    usual, used_before, is_own = db.session.execute(
        asked.with_for_update(read=True, of=DuesSettings) if lock else asked
    ).one()
    limit = 0 if is_own else approvals.limit_of(officer, action, usual=usual, lock=lock)
    return Cap(limit, int(used_before))


def _family(note: CreditNote) -> Select[UUID]:
    """The note it all began with, and every note that came out of that."""
    here = CreditNote.organization_id == tenancy.organization_id()
    first, parent_id = note.id, note.parent_id
    while parent_id is not None:
        first, parent_id = parent_id, CreditNote.here().get(parent_id).parent_id
    ids = select(CreditNote.id).where(here, CreditNote.id == first).cte("family", recursive=True)
    ids = ids.union_all(select(CreditNote.id).where(here, CreditNote.parent_id == ids.c.id))
    return select(ids.c.id)
