"""What stands on a statement, from the documents alone. Amounts in minor units, positive when more is owed.

Money that is held already and then settles an invoice changes nothing, so payments count when they come in
and when they go back. Only between chapters does it move: what one holds settles what another is owed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from webapp.core import tenancy
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin
from webapp.domain.organizations import local_day
from webapp.domain.payments.disputes import Dispute, DisputeEntry, EntryKind
from webapp.domain.payments.payment import Allocation, Method, Payment, PaymentState
from webapp.domain.refunds.refund import Refund, RefundState
from webapp.domain.reporting import receivables
from webapp.domain.reporting.receivables import Change


class Kind(StrEnum):
    """What happened. Some are changes of what an invoice owes."""

    ISSUED = Change.ISSUED.value
    LATE_FEE = Change.LATE_FEE.value
    PLAN_INTEREST = Change.PLAN_INTEREST.value
    ADJUSTED = Change.ADJUSTED.value
    WRITTEN_OFF = Change.WRITTEN_OFF.value
    VOIDED = Change.VOIDED.value
    FORGIVEN = Change.FORGIVEN.value
    UNFORGIVEN = Change.UNFORGIVEN.value
    RECEIVED = "received"
    REVERSED = "reversed"
    RETURNED = "returned"
    REGAINED = "regained"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    GOODWILL = "goodwill"
    GOODWILL_WITHDRAWN = "goodwill_withdrawn"
    BETWEEN_CHAPTERS = "between_chapters"

    def sentence(self, about: str) -> str:
        """`about` is the invoice's number, the payment's method, or the credit note's number."""
        return _SENTENCES[self].format(Method(about).label if self in _OF_PAYMENTS else about)


_OF_PAYMENTS = (Kind.RECEIVED, Kind.REVERSED, Kind.RETURNED, Kind.REGAINED)
_SENTENCES = {
    Kind.ISSUED: "Invoice {}",
    Kind.LATE_FEE: "Late fee, invoice {}",
    Kind.PLAN_INTEREST: "Interest of a payment plan, invoice {}",
    Kind.ADJUSTED: "Adjustment, invoice {}",
    Kind.WRITTEN_OFF: "Written off, invoice {}",
    Kind.VOIDED: "Invoice {} voided",
    Kind.FORGIVEN: "Not owed again after a refund, invoice {}",
    Kind.UNFORGIVEN: "Refund no longer stands against invoice {}",
    Kind.RECEIVED: "Payment: {}",
    Kind.REVERSED: "Payment recorded wrongly, taken back: {}",
    Kind.RETURNED: "Payment went back to the payer: {}",
    Kind.REGAINED: "Returned payment is here again: {}",
    Kind.REFUNDED: "Refund",
    Kind.REFUND_FAILED: "Refund that did not arrive",
    Kind.GOODWILL: "Goodwill, credit note {}",
    Kind.GOODWILL_WITHDRAWN: "Goodwill withdrawn, credit note {}",
    Kind.BETWEEN_CHAPTERS: "Settled between two chapters, invoice {}",
}


@dataclass(frozen=True)
class Account:
    """Whose: a member's, a chapter's, a member's in one chapter, or with neither the organization's."""

    member_id: UUID | None = None
    chapter_id: UUID | None = None

    def its(self, kind: Any) -> list[ColumnElement[bool]]:
        """The rows of it, of documents that name both."""
        wanted = {name: getattr(self, name) for name in ("member_id", "chapter_id")}
        own = [getattr(kind, name) == value for name, value in wanted.items() if value is not None]
        return [kind.organization_id == tenancy.organization_id(), *own]


def events(account: Account) -> CompoundSelect[Any]:
    """`member_id`, `dated`, `amount`, `kind`, `document` (its table) with its `document_id`, `source_id`, and
    what it is `about`."""
    of_money = (*_payments(), *_refunds(), *_disputes(), *_goodwill())
    own = [event.where(*account.its(document)) for event, document in of_money]
    between = _between(account, account.chapter_id) if account.chapter_id else ()
    return union_all(_of_invoices(account), *own, *between)


Events = Iterator[tuple[Select[Any], Any]]
"""Each with the document that names whose it is."""


def _event(kind: Kind, of: Any, dated: Any, amount: Any, source_id: Any) -> Select[Any]:
    """`of` is the payment or the credit note whose member and chapter it is."""
    written = dated.label("dated"), amount.label("amount"), literal(kind.value).label("kind")
    document = literal(of.__tablename__).label("document"), of.id.label("document_id")
    about = cast(of.method if of is Payment else of.number, Text).label("about")
    return select(of.member_id, *written, *document, source_id.label("source_id"), about).select_from(of)


def _of_invoices(account: Account) -> Select[Any]:
    found = receivables.changes(*account.its(Invoice)).subquery("changes")
    alone = [kind.value for kind in Kind if kind.value in list(Change)]
    return _of_changes(found, found.c.amount, found.c.kind).where(found.c.kind.in_(alone))


def _of_changes(found: Subquery, amount: Any, kind: Any) -> Select[Any]:
    same = and_(Invoice.organization_id == tenancy.organization_id(), Invoice.id == found.c.invoice_id)
    written = found.c.member_id, found.c.dated, amount.label("amount"), kind.label("kind")
    document = literal(Invoice.__tablename__).label("document"), Invoice.id.label("document_id")
    told = found.c.source_id, Invoice.number.label("about")
    return select(*written, *document, *told).select_from(found).join(Invoice, same)


def _payments() -> Events:
    one = Payment
    reversed_on = func.coalesce(one.reversed_on, local_day(one.reversed_at))
    came = _event(Kind.RECEIVED, one, one.received_on, -one.amount, one.id)
    wrong = _event(Kind.REVERSED, one, reversed_on, one.amount, one.id)
    yield came.where(one.received_on.is_not(None)), one
    yield wrong.where(one.state == PaymentState.REVERSED), one


def _refunds() -> Events:
    """Of payments, also where they are credit notes by now; and of goodwill."""
    one, there = Refund, Refund.organization_id
    gone_on = func.coalesce(one.booked_on, case((one.state == RefundState.SUCCEEDED, one.refunded_on)))
    of_payment = and_(there == Payment.organization_id, one.payment_id == Payment.id)
    of_goodwill = and_(
        there == CreditNote.organization_id, one.credit_note_id == CreditNote.id, one.payment_id.is_(None)
    )
    for of, its in ((Payment, of_payment), (CreditNote, of_goodwill)):
        gone = _event(Kind.REFUNDED, of, gone_on, one.amount, one.id)
        back = _event(Kind.REFUND_FAILED, of, one.taken_back_on, -one.amount, one.id)
        yield gone.join(one, its).where(gone_on.is_not(None)), of
        yield back.join(one, its).where(one.taken_back_on.is_not(None)), of


def _disputes() -> Events:
    """What a payment lost by them, or has again."""
    one, of = DisputeEntry, Payment
    written = case((one.kind == EntryKind.REGAINED, -one.amount), else_=one.amount)
    ours = one.kind.in_([EntryKind.LOST, EntryKind.REGAINED, EntryKind.COVERED])
    taken = func.coalesce(one.taken, case((ours, written), else_=0))
    dated = func.coalesce(one.booked_on, local_day(one.created_at))
    its_payment = and_(Dispute.organization_id == of.organization_id, Dispute.payment_id == of.id)
    its_dispute = and_(one.organization_id == Dispute.organization_id, one.dispute_id == Dispute.id)
    for kind, condition in ((Kind.RETURNED, taken > 0), (Kind.REGAINED, taken < 0)):
        event = _event(kind, of, dated, taken, one.id).join(Dispute, its_payment).join(one, its_dispute)
        yield event.where(condition), of


def _goodwill() -> Events:
    one = CreditNote
    given = _event(Kind.GOODWILL, one, one.issued_on, -one.amount, one.id)
    taken = _event(Kind.GOODWILL_WITHDRAWN, one, one.withdrawn_on, one.amount, one.id)
    withdrawn = one.state == CreditState.WITHDRAWN, one.withdrawn_on.is_not(None)
    yield given.where(one.origin == Origin.GOODWILL), one
    yield taken.where(one.payment_id.is_(None), *withdrawn), one


def _between(account: Account, chapter_id: UUID) -> Iterator[Select[Any]]:
    """What money of one chapter settles in another, as long as it does: seen from either."""
    here = tenancy.organization_id()
    paid, credited = (Change.PAID, Change.UNPAID), (Change.CREDITED, Change.UNCREDITED)
    for changes, one, money, its_money in (
        (paid, Allocation, Payment, Allocation.payment_id),
        (credited, CreditApplication, CreditNote, CreditApplication.credit_note_id),
    ):
        payers = select(money.member_id).where(money.organization_id == here, money.chapter_id == chapter_id)
        elsewhere = and_(Invoice.chapter_id != chapter_id, Invoice.member_id.in_(payers))
        for invoices, its, sign in (
            (Invoice.chapter_id == chapter_id, money.chapter_id != chapter_id, 1),
            (elsewhere, money.chapter_id == chapter_id, -1),
        ):
            its_own = [] if account.member_id is None else [Invoice.member_id == account.member_id]
            found = receivables.changes(invoices, *its_own).subquery("changes")
            settled = and_(one.organization_id == here, one.id == found.c.source_id)
            event = _of_changes(found, found.c.amount * sign, literal(Kind.BETWEEN_CHAPTERS.value))
            event = event.join(one, settled)
            event = event.join(money, and_(money.organization_id == here, money.id == its_money))
            yield event.where(found.c.kind.in_([change.value for change in changes]), its)
