"""A refund in the books: what it takes back of its payment and of invoices, and the way back if it fails."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from webapp.core import audit, tenancy
from webapp.core.db import db, new_id
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote, CreditState, Origin
from webapp.domain.ledger import Code, Event, Move, Side, entry_for, post, reverse
from webapp.domain.organizations import Login
from webapp.domain.payments import allocation, crediting, meant
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.refunds.refund import How, Refund, RefundPart, RefundState

Invoices = dict[UUID, Invoice]


@dataclass(frozen=True)
class Held:
    """A refund with all that it takes something from, locked for change."""

    invoices: Invoices
    payment: Payment | None
    note: CreditNote | None
    refund: Refund


def lock_invoices(payment_id: UUID) -> Invoices:
    """The invoices this payment settles, settled or was meant for, locked in id order before the rest."""
    here = tenancy.organization_id()
    settled = select(Allocation.invoice_id).where(
        Allocation.organization_id == here, Allocation.payment_id == payment_id
    )
    by_credit = (
        select(CreditApplication.invoice_id)
        .join(CreditApplication.note)
        .where(CreditApplication.organization_id == here, CreditNote.payment_id == payment_id)
    )
    statement = (
        Invoice.here()
        .select(
            Invoice.id.in_(settled)
            | Invoice.id.in_(meant.invoices_of(payment_id))
            | Invoice.id.in_(by_credit)
        )
        .order_by(Invoice.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {invoice.id: invoice for invoice in db.session.scalars(statement)}


def effect(invoice: Invoice, payment: Payment, amount: int, how: How, *, reinstated: bool) -> list[Move]:
    """What a refund of an invoice's payment will write, for whoever wants to see it beforehand."""
    money = Side(_source(how, payment), invoice.chapter_id)
    return [Move(amount, debit=_gone_to(invoice, reinstated=reinstated), credit=money)]


def hold(refund_id: UUID) -> Held:
    """Lock invoices, payment, credit note and refund, always in this order."""
    found = Refund.here().get(refund_id)
    payment_id, note_id = found.payment_id, found.credit_note_id
    return Held(
        lock_invoices(payment_id) if payment_id else {},
        Payment.here().get(payment_id, lock=True) if payment_id else None,
        CreditNote.here().get(note_id, lock=True) if note_id else None,
        Refund.here().get(refund_id, lock=True),
    )


def free(refund: Refund, payment: Payment | None, *, by: Login | None) -> None:
    """The refund is over without a booking: what it held can go back or be used again."""
    if payment is not None:
        payment.let_go(refund.amount)
    note = _held_note(refund)
    if note is not None:
        note.let_go(by=by)


def book(refund: Refund, payment: Payment | None, invoices: Invoices, *, on: date, by: Login | None) -> None:
    """The money is gone. Out of the refund's own invoice or note first, then credit notes, then the rest."""
    if payment is not None:
        payment.let_go(refund.amount)
    refund.state, refund.refunded_on, refund.booked_on = RefundState.SUCCEEDED, on, on
    moves = list(_moves(refund, payment, invoices, on=on, by=by))
    if payment is not None:
        payment.returned += refund.amount
    db.session.flush()
    post(refund.event, source=refund, moves=moves, on=on, by=by, description=_description(refund))
    audit.record("refund_booked", refund, by=by, after={"amount": refund.amount})


def take_back(refund: Refund, payment: Payment, invoices: Invoices, *, on: date) -> None:
    """It failed after all, perhaps days later: the money never left, and settles again what it settled.

    What settles nothing any more is a credit note: what came from one, and what was paid or voided meanwhile.
    """
    entry = entry_for(refund.id, refund.event)
    assert entry is not None, "A refund that succeeded is in the books"
    reverse(entry, source=refund, on=on, by=None, description="Refund failed")
    from_notes = refund.amount - sum(part.amount for part in parts_of(refund))
    payment.returned -= refund.amount
    refund.taken_back_on = on
    if from_notes:
        crediting.credit(payment, from_notes, origin=Origin.FAILED_REFUND, against=None, on=on, by=None)
    db.session.flush()
    homeless = list(_restored(refund, payment, invoices, on=on))
    if homeless:
        post(
            Event.ALLOCATION_UNDONE,
            source=refund,
            moves=homeless,
            on=on,
            by=None,
            description="Refund failed; its invoice needs it no more",
        )
        crediting.credit_rest(payment, origin=Origin.FAILED_REFUND, on=on, by=None)
    audit.record("refund_taken_back", refund, by=None, after={"amount": refund.amount})


def _moves(
    refund: Refund, payment: Payment | None, invoices: Invoices, *, on: date, by: Login | None
) -> Iterator[Move]:
    note = _held_note(refund)
    if note is not None:
        yield _released(note, refund, payment, on=on, by=by)
        return
    assert payment is not None, "What belongs to no payment is a credit note, and nothing takes that away"
    left = refund.amount
    settled = allocation.live_allocations(payment)
    for one in [one for one in settled if one.invoice_id == refund.invoice_id]:
        part = min(left, one.amount)
        if part:
            yield _out_of(one, part, refund, payment, invoices[one.invoice_id], on=on)
            left -= part
    from_notes = crediting.take_back(payment, left, on=on, by=None) if left else 0
    if from_notes:
        yield Move(from_notes, payment.credit_notes, Side(_source(refund.how, payment), payment.chapter_id))
        left -= from_notes
    for one in [one for one in settled if one.invoice_id != refund.invoice_id]:
        part = min(left, one.amount)
        if part:
            yield _out_of(one, part, refund, payment, invoices[one.invoice_id], on=on)
            left -= part
    assert left == 0, "A refund never gives back more than its payment still holds"


def _held_note(refund: Refund) -> CreditNote | None:
    """The note it was asked for, unless a refund at the processor or a dispute took that meanwhile."""
    if refund.credit_note_id is None:
        return None
    note = CreditNote.here().get(refund.credit_note_id, lock=True)
    return note if note.state is CreditState.HELD else None


def _released(
    note: CreditNote, refund: Refund, payment: Payment | None, *, on: date, by: Login | None
) -> Move:
    note.release(refund.amount, on=on, by=by)
    if payment is not None:
        payment.credited -= refund.amount
    return Move(refund.amount, note.account, Side(_source(refund.how, payment), note.chapter_id))


def _out_of(
    settled: Allocation, part: int, refund: Refund, payment: Payment, invoice: Invoice, *, on: date
) -> Move:
    """This much of the refund comes out of an invoice; whether it is owed again goes for its own alone."""
    reinstated = refund.reinstates_debt and invoice.id == refund.invoice_id
    allocation.shrink(settled, payment, part, on=on, by=None)
    invoice.give_back(part, on=on, reinstates_debt=reinstated)
    db.session.add(
        RefundPart(
            id=new_id(), refund_id=refund.id, invoice_id=invoice.id, amount=part, reinstated=reinstated
        )
    )
    return Move(
        part, _gone_to(invoice, reinstated=reinstated), Side(_source(refund.how, payment), invoice.chapter_id)
    )


def _gone_to(invoice: Invoice, *, reinstated: bool) -> Side:
    if reinstated:
        return Side(Code.RECEIVABLE, invoice.chapter_id, invoice.member_id)
    return Side(Code.REFUNDS, invoice.chapter_id)


def _source(how: How, payment: Payment | None) -> Code:
    """The account the money leaves: the processor's; the bank's for a check, and for what came in by hand."""
    by_check = how is How.CHECK or payment is None or payment.is_offline
    return Code.BANK if by_check else Code.PROCESSOR_CLEARING


def _restored(refund: Refund, payment: Payment, invoices: Invoices, *, on: date) -> Iterator[Move]:
    for part in parts_of(refund):
        invoice = invoices[part.invoice_id]
        part.taken_back_at = func.now()
        if part.reinstated:
            fits = min(part.amount, invoice.owed)
            if fits:
                invoice.receive(fits, on=on)
        else:
            fits = min(part.amount, invoice.refunded)
            if fits:
                invoice.keep_after_all(fits, on=on)
        if fits:
            allocation.restore(payment, invoice.id, fits, on=on)
        if fits < part.amount:
            gone_to = _gone_to(invoice, reinstated=part.reinstated)
            yield Move(part.amount - fits, gone_to, payment.unapplied_receipts)


def parts_of(refund: Refund) -> Sequence[RefundPart]:
    return RefundPart.here().all(
        RefundPart.refund_id == refund.id, RefundPart.taken_back_at.is_(None), order_by=RefundPart.id
    )


def _description(refund: Refund) -> str:
    if refund.credit_note_id:
        return "Credit note given back to the payer"
    if refund.was_made_at_the_processor:
        return "Refund made at the processor"
    return f"Refund by check {refund.check_number or ''}".rstrip() if refund.how is How.CHECK else "Refund"
