"""What invoices owe on any day, worked out from the documents, never from the journal.

Each document says on which day of the books it begins to count and on which it ceases to. What they add up to
is what account 1200 held at the end of that day: of the organization, a chapter, or a member. Amounts are
minor units. Whoever makes another kind of document that changes what is owed adds it to `changes`; verifying
the books compares the two day by day.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from webapp.core.tenancy import HERE
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, AdjustmentState, Direction
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.billing.late_fees import LateFee, LateFeeRun
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.organizations import Member, local_day
from webapp.domain.payments.payment import Allocation
from webapp.domain.plans.plan import PlanInterest
from webapp.domain.refunds.refund import Refund, RefundPart

CHARGED_LATER = (LineKind.LATE_FEE, LineKind.ADJUSTMENT, LineKind.PLAN_INTEREST)
"""Lines that an invoice did not begin with. Their documents say since when they count."""

WHOSE = ("invoice_id", "member_id", "chapter_id", "schedule_id", "period_id", "due_on")


NO_CLASS = UUID(int=0)
"""What stands for being in no pledge class."""


def in_class(column: Any, pledge_class_id: UUID) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column == (None if pledge_class_id == NO_CLASS else pledge_class_id)
    return found


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Which invoices are looked at: all of the organization's, or those that fit what is given.

    A pledge class is the one that the member is in now.
    """

    chapter_id: UUID | None = None
    member_id: UUID | None = None
    schedule_id: UUID | None = None
    period_id: UUID | None = None
    pledge_class_id: UUID | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        own = ("chapter_id", "member_id", "schedule_id", "period_id")
        wanted = {name: getattr(self, name) for name in own}
        found = [getattr(Invoice, name) == value for name, value in wanted.items() if value is not None]
        if self.pledge_class_id is None:
            return found
        its = Member.here().select(in_class(Member.pledge_class_id, self.pledge_class_id))
        return [*found, Invoice.member_id.in_(its.with_only_columns(Member.id))]


class Change(StrEnum):
    """What changes what an invoice owes. What ends takes back what it began with."""

    ISSUED = "issued"
    LATE_FEE = "late_fee"
    PLAN_INTEREST = "plan_interest"
    ADJUSTED = "adjusted"
    WRITTEN_OFF = "written_off"
    VOIDED = "voided"
    PAID = "paid"
    UNPAID = "unpaid"
    CREDITED = "credited"
    UNCREDITED = "uncredited"
    FORGIVEN = "forgiven"
    UNFORGIVEN = "unforgiven"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Change.ISSUED: "Invoice issued",
    Change.LATE_FEE: "Late fee",
    Change.PLAN_INTEREST: "Interest of a payment plan",
    Change.ADJUSTED: "Adjustment",
    Change.WRITTEN_OFF: "Written off",
    Change.VOIDED: "Invoice voided",
    Change.PAID: "Payment",
    Change.UNPAID: "Payment taken off",
    Change.CREDITED: "Credit used",
    Change.UNCREDITED: "Credit taken off",
    Change.FORGIVEN: "Refunded and not owed again",
    Change.UNFORGIVEN: "Refund no longer stands",
}


def changes(*only: ColumnElement[bool]) -> CompoundSelect[Any]:
    """Every change of what an invoice owes: the columns of WHOSE; `dated`; `amount`, less than zero when less
    is owed by it; its `kind`; and `source_id`, the document's.

    `only` are conditions on the invoice, such as `Invoice.member_id == member.id`.
    """
    here = Invoice.organization_id == HERE
    charged = [_issued(), _late_fees(), _plan_interest(), _adjusted(), _voided()]
    found = [*charged, *_paid(), *_credited(), *_forgiven()]
    return union_all(*(one.where(here, *only) for one in found))


def money(*only: ColumnElement[bool]) -> CompoundSelect[Any]:
    """The changes that money and credit made, in and back out again."""
    here = Invoice.organization_id == HERE
    return union_all(*(one.where(here, *only) for one in (*_paid(), *_credited())))


def owed_at(day: date, *only: ColumnElement[bool]) -> Select[Any]:
    """What each invoice owed at the end of that day, as `owed`, beside the columns of WHOSE; those that owed
    nothing are left out.

    Less than nothing is owed on a day between that of the money and a later one of its invoice.
    """
    found = changes(*only).subquery("changes")
    whose = [found.c[name] for name in WHOSE]
    owed = func.sum(found.c.amount)
    standing = select(*whose, cast(owed, BigInteger).label("owed")).where(found.c.dated <= day)
    return standing.group_by(*whose).having(owed != 0)


def _change(kind: Change | ColumnElement[str], dated: Any, amount: Any, source_id: Any) -> Select[Any]:
    whose = [Invoice.id.label("invoice_id"), *(getattr(Invoice, name) for name in WHOSE[1:])]
    its_kind = literal(kind.value) if isinstance(kind, Change) else kind
    written = dated.label("dated"), amount.label("amount"), its_kind.label("kind")
    return select(*whose, *written, source_id.label("source_id")).select_from(Invoice)


def _of(document: Any) -> ColumnElement[bool]:
    return and_(document.organization_id == Invoice.organization_id, document.invoice_id == Invoice.id)


def _issued() -> Select[Any]:
    begun_with = _change(Change.ISSUED, Invoice.issued_on, InvoiceLine.amount, Invoice.id)
    return begun_with.join(InvoiceLine, _of(InvoiceLine)).where(InvoiceLine.kind.not_in(CHARGED_LATER))


def _late_fees() -> Select[Any]:
    its_run = and_(LateFeeRun.organization_id == LateFee.organization_id, LateFeeRun.id == LateFee.run_id)
    charged = _change(Change.LATE_FEE, LateFeeRun.charged_on, LateFee.amount, LateFee.id)
    return charged.join(LateFee, _of(LateFee)).join(LateFeeRun, its_run)


def _plan_interest() -> Select[Any]:
    charged = _change(Change.PLAN_INTEREST, PlanInterest.charged_on, PlanInterest.amount, PlanInterest.id)
    return charged.join(PlanInterest, _of(PlanInterest))


def _adjusted() -> Select[Any]:
    signed = case((Adjustment.direction == Direction.RAISES, Adjustment.amount), else_=-Adjustment.amount)
    dated = _day(Adjustment.effective_on, Adjustment.decided_at)
    written_off = Adjustment.kind == AdjustmentKind.WRITE_OFF
    kind = case((written_off, Change.WRITTEN_OFF.value), else_=Change.ADJUSTED.value)
    adjusted = _change(kind, dated, signed, Adjustment.id)
    return adjusted.join(Adjustment, _of(Adjustment)).where(Adjustment.state == AdjustmentState.APPROVED)


def _voided() -> Select[Any]:
    """All that it charged. What settled it, or was forgiven, has ended the same day."""
    voided = _change(Change.VOIDED, _voided_on(), Invoice.adjusted - Invoice.billed, Invoice.id)
    return voided.where(Invoice.voided_at.is_not(None))


def _paid() -> list[Select[Any]]:
    one = Allocation
    begun = _change(Change.PAID, _day(one.allocated_on, one.allocated_at), -one.amount, one.id)
    ended = _change(Change.UNPAID, _day(one.undone_on, one.undone_at), one.amount, one.id)
    return [begun.join(one, _of(one)), ended.join(one, _of(one)).where(one.undone_at.is_not(None))]


def _credited() -> list[Select[Any]]:
    one = CreditApplication
    begun = _change(Change.CREDITED, _day(one.applied_on, one.applied_at), -one.amount, one.id)
    ended = _change(Change.UNCREDITED, _day(one.undone_on, one.undone_at), one.amount, one.id)
    return [begun.join(one, _of(one)), ended.join(one, _of(one)).where(one.undone_at.is_not(None))]


def _forgiven() -> list[Select[Any]]:
    """Refunds that did not bring the debt back: what they took off the invoice again is owed by nobody, until
    the refund fails or the invoice is voided, whichever comes first."""
    one = RefundPart
    begins = func.coalesce(Refund.booked_on, Refund.refunded_on)
    ends = func.least(_day(Refund.taken_back_on, one.taken_back_at), _voided_on())
    its_refund = and_(Refund.organization_id == one.organization_id, Refund.id == one.refund_id)
    begun = _change(Change.FORGIVEN, begins, -one.amount, one.id)
    ended = _change(Change.UNFORGIVEN, ends, one.amount, one.id).where(ends.is_not(None))
    halves = (half.join(one, _of(one)).join(Refund, its_refund) for half in (begun, ended))
    return [half.where(~one.reinstated) for half in halves]


def _day(kept: Any, moment: Any) -> ColumnElement[date]:
    """A version before this one wrote the moment alone."""
    return func.coalesce(kept, local_day(moment))


def _voided_on() -> ColumnElement[date]:
    return _day(Invoice.voided_on, Invoice.voided_at)
