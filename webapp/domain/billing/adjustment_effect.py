"""What an adjustment changes, on the invoice and in the books: seen beforehand, and done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, select

from webapp.core import audit, money
from webapp.core.db import db, new_id
from webapp.core.errors import Invalid
from webapp.core.jobs import Job, later
from webapp.domain import ledger
from webapp.domain.billing import explaining, late_fee_waiving
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, Direction
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.ledger import Account, Code, Move, Side
from webapp.domain.organizations import Login, Organization

_LONGEST_REASON = 500


@dataclass(frozen=True)
class Change:
    """What somebody wants changed: `amount` in minor units, off what is owed unless `direction` raises it."""

    kind: AdjustmentKind
    amount: int
    reason: str
    direction: Direction | None = None
    payment_id: UUID | None = None

    @property
    def heading(self) -> Direction:
        return self.direction or self.kind.directions[0]

    @property
    def signed(self) -> int:
        return self.amount if self.heading is Direction.RAISES else -self.amount


@dataclass(frozen=True)
class Preview:
    """What a change would do: to the amount owed, in minor units, and to the books.

    `late_fee` is what of the late fee is waived beside it.
    """

    owed_before: int
    owed_after: int
    moves: Sequence[Move]
    processing: bool = False
    late_fee: int = 0


def preview(invoice: Invoice, change: Change) -> Preview:
    """Invalid, as asking for it would say, when it can't be done."""
    refuse_impossible(invoice, change)
    late_fee = late_fee_waiving.goes_along(invoice, change.kind, change.amount)
    return Preview(
        owed_before=invoice.owed,
        owed_after=invoice.owed + change.signed - late_fee,
        moves=_moves(invoice, change.kind, change.heading, change.amount + late_fee),
        processing=invoice.processing,
        late_fee=late_fee,
    )


def apply(adjustment: Adjustment, invoice: Invoice, *, by: Login | None, on: date) -> None:
    """Invoice, line and books in one go; `by` let it happen: the second person, if one was needed."""
    moves = _moves(invoice, adjustment.kind, adjustment.direction, adjustment.amount)
    owed, line_id = invoice.owed, None
    if adjustment.direction is Direction.RAISES:
        line_id = _add_line(invoice, adjustment, moves[0].credit.account, by=by, on=on)
    else:
        invoice.take_off(adjustment.amount, on=on)
    adjustment.approve(by=by, on=on, line_id=line_id)
    db.session.flush()
    ledger.post(
        adjustment.kind.event,
        source=adjustment,
        moves=moves,
        on=on,
        by=by,
        description=f"{adjustment.kind.label}, invoice {invoice.number}",
    )
    later(Job.CLOSE_CHECKOUT, once=f"adjusted:{adjustment.id}", invoice_id=invoice.id)
    adjustment.tell()
    audit.record(
        f"{adjustment.kind.label.lower()} applied",
        invoice,
        by=by,
        before={"owed": owed},
        after={"owed": owed + adjustment.change},
        reason=adjustment.reason,
    )


def moves_of(adjustment: Adjustment) -> Sequence[Move]:
    """What it wrote, or would write, into the books. Needs its invoice."""
    return _moves(adjustment.invoice, adjustment.kind, adjustment.direction, adjustment.amount)


def _add_line(invoice: Invoice, adjustment: Adjustment, income: Code, *, by: Login | None, on: date) -> UUID:
    line = InvoiceLine(
        id=new_id(),
        kind=LineKind.ADJUSTMENT,
        description=adjustment.kind.label,
        amount=adjustment.amount,
        income_account_id=ledger.account_ids()[income],
        reason_id=explaining.note_adjustment(adjustment, by=by, on=on),
    )
    invoice.add(line, on=on)
    return line.id


def _moves(invoice: Invoice, kind: AdjustmentKind, direction: Direction, amount: int) -> list[Move]:
    owing = Side(Code.RECEIVABLE, invoice.chapter_id, invoice.member_id)
    against = Side(kind.account or _income_account(invoice), invoice.chapter_id)
    if direction is Direction.RAISES:
        return [Move(amount, debit=owing, credit=against)]
    return [Move(amount, debit=against, credit=owing)]


def _income_account(invoice: Invoice) -> Code:
    """Of what was charged first; a correction sets that right."""
    here = InvoiceLine.organization_id == invoice.organization_id
    code = db.session.scalars(
        select(Account.code)
        .join(
            InvoiceLine,
            and_(
                Account.organization_id == InvoiceLine.organization_id,
                Account.id == InvoiceLine.income_account_id,
            ),
        )
        .where(here, InvoiceLine.invoice_id == invoice.id)
        .order_by(InvoiceLine.position)
        .limit(1)
    ).one()
    return Code(code)


def refuse_impossible(invoice: Invoice, change: Change) -> None:
    invoice.refuse_void()
    problems: dict[str, str] = {}
    if change.amount <= 0:
        problems["amount"] = "Enter an amount above zero; what it does to the invoice follows from its kind."
    elif change.heading is Direction.LOWERS and change.amount > invoice.owed:
        problems["amount"] = _too_much(invoice)
    if change.heading not in change.kind.directions:
        problems["direction"] = f"A {change.kind.label.lower()} can't do that to what is owed."
    if not change.reason.strip():
        problems["reason"] = "Say why. It stands on the invoice, and the member can read it."
    elif len(change.reason) > _LONGEST_REASON:
        problems["reason"] = f"Say it in {_LONGEST_REASON} characters at most."
    if problems:
        raise Invalid(" ".join(problems.values()), fields=problems)


def _too_much(invoice: Invoice) -> str:
    if not invoice.owed:
        return f"Nothing is owed on invoice {invoice.number}, so nothing can be taken off."
    organization = db.session.get_one(Organization, invoice.organization_id)
    owed = money.display(invoice.owed, invoice.currency, organization.locale)
    return f"Only {owed} is still owed on invoice {invoice.number}. Take off that much at most."
