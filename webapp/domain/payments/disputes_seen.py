"""What the processor shows of a payment's disputes: read as they stand now, each movement booked once.

The outcome depends on the newest look alone. News in any order, repeated, or before the payment itself is in
the books ends in the same state.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from webapp.core import audit
from webapp.core.db import db, new_id
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.ledger import Code, Event, Move, Side, post
from webapp.domain.payments import crediting, disputed_money, returned_fees
from webapp.domain.payments.disputed_money import Invoices
from webapp.domain.payments.disputes import Dispute, DisputeEntry, EntryKind
from webapp.domain.payments.gateway import DisputeMovement, DisputeState, ProcessorDispute
from webapp.domain.payments.payment import Payment


def learn(
    payment: Payment,
    seen: Iterable[ProcessorDispute],
    invoices: Invoices,
    *,
    asked_at: datetime,
    on: date,
) -> None:
    """Bring our disputes of this payment up to what was seen then. Payment and invoices are held."""
    for one in seen:
        dispute = _known(payment, one)
        if dispute is None:
            dispute = _opened(payment, one, asked_at)
        elif asked_at < dispute.seen_at:
            continue
        _bring_up_to(dispute, one, payment, invoices, asked_at=asked_at, on=on)
    cover(payment, invoices, on=on)


def _known(payment: Payment, seen: ProcessorDispute) -> Dispute | None:
    mine = Dispute.payment_id == payment.id
    return Dispute.here().first(mine, Dispute.reference == seen.reference, lock=True)


def _opened(payment: Payment, seen: ProcessorDispute, asked_at: datetime) -> Dispute:
    if seen.currency != payment.currency:
        raise Conflict(f"The dispute is in {seen.currency}, the payment in {payment.currency}.")
    dispute = Dispute(
        id=new_id(),
        payment_id=payment.id,
        reference=seen.reference,
        kind=seen.kind,
        state=seen.state,
        reason=seen.reason,
        amount=seen.amount,
        opened_at=seen.opened_at,
        seen_at=asked_at,
    )
    db.session.add(dispute)
    db.session.flush()
    audit.record("dispute_opened", dispute, by=None, after={"amount": seen.amount, "reason": seen.reason})
    _tell_of_state(dispute)
    return dispute


def _bring_up_to(
    dispute: Dispute,
    seen: ProcessorDispute,
    payment: Payment,
    invoices: Invoices,
    *,
    asked_at: datetime,
    on: date,
) -> None:
    before = dispute.state
    dispute.take_note(seen, asked_at=asked_at)
    if dispute.state is not before:
        after = {"state": dispute.state}
        audit.record("dispute_moved_on", dispute, by=None, before={"state": before}, after=after)
        _tell_of_state(dispute)
    if payment.received_on is not None:
        _let_go(dispute, payment)
        _move_money(dispute, seen.movements, payment, invoices, on=on)
        _hold(dispute, payment)


def _move_money(
    dispute: Dispute, movements: Sequence[DisputeMovement], payment: Payment, invoices: Invoices, *, on: date
) -> None:
    """First what is lost no more, then the processor's own movements, then what is lost by now."""
    dispute_gone = dispute.gone_of(sum(movement.amount for movement in movements))
    if dispute.lost > dispute_gone:
        _regain(dispute, dispute.lost - dispute_gone, payment, invoices, on=on)
    booked = {entry.reference for entry in DisputeEntry.of(dispute)}
    for movement in sorted(movements, key=lambda one: (one.moved_at, -one.amount)):
        if movement.reference not in booked:
            _book(dispute, movement, payment, on=on)
    if dispute.lost < dispute_gone:
        _lose(dispute, dispute_gone - dispute.lost, payment, invoices, on=on)


def _book(dispute: Dispute, movement: DisputeMovement, payment: Payment, *, on: date) -> None:
    """What the processor took for it or gave back, and the fee it charged for that."""
    kinds = {1: EntryKind.WITHDRAWN, -1: EntryKind.REINSTATED, 0: EntryKind.FEE}
    kind = kinds[(movement.amount > 0) - (movement.amount < 0)]
    clearing = Side(Code.PROCESSOR_CLEARING, payment.chapter_id)
    flows = [
        (movement.amount, Side(Code.DISPUTED_PAYMENTS, payment.chapter_id)),
        (movement.fee, Side(Code.DISPUTE_FEES, payment.chapter_id)),
    ]
    moves = [
        Move(abs(amount), account, clearing) if amount > 0 else Move(abs(amount), clearing, account)
        for amount, account in flows
        if amount
    ]
    if not moves:
        return
    entry = _entry(dispute, kind, abs(movement.amount), on=on, fee=movement.fee, reference=movement.reference)
    dispute.withdrawn += movement.amount
    dispute.fee += movement.fee
    _post(Event.DISPUTE_MOVED, entry, moves, on, f"Dispute {dispute.reference}: {_WORDS[kind]}")


def _lose(dispute: Dispute, amount: int, payment: Payment, invoices: Invoices, *, on: date) -> None:
    """Gone for good. What the payment still held of it is owed again; the rest was refunded before."""
    disputed = Side(Code.DISPUTED_PAYMENTS, payment.chapter_id)
    taken = min(amount, payment.returnable)
    moves = list(disputed_money.take_out(payment, taken, invoices, into=disputed, on=on))
    if taken < amount:
        moves.append(Move(amount - taken, _written_off(payment), disputed))
    dispute.lost += amount
    dispute.taken += taken
    entry = _entry(dispute, EntryKind.LOST, amount, on=on, taken=taken)
    _post(Event.DISPUTE_LOST, entry, moves, on, _lost_in_words(dispute))
    returned_fees.charge(dispute, payment, invoices, on=on)
    _tell("dispute_lost", dispute)


def _regain(dispute: Dispute, amount: int, payment: Payment, invoices: Invoices, *, on: date) -> None:
    """It is not lost after all: an appeal is open, or was won."""
    disputed = Side(Code.DISPUTED_PAYMENTS, payment.chapter_id)
    put = min(amount, dispute.taken)
    moves = list(disputed_money.put_back(payment, put, invoices, out_of=disputed, on=on)) if put else []
    if put < amount:
        moves.append(Move(amount - put, disputed, _written_off(payment)))
    dispute.taken -= put
    dispute.lost -= amount
    entry = _entry(dispute, EntryKind.REGAINED, amount, on=on, taken=-put)
    _post(Event.DISPUTE_REGAINED, entry, moves, on, f"Dispute {dispute.reference} is open again, or won")
    crediting.credit_rest(payment, on=on, by=None)


def cover(payment: Payment, invoices: Invoices, *, on: date) -> int:
    """A refund beside a lost dispute did not happen: the payment holds again what the dispute had cost twice.

    What of that is still missing, because refunds hold it or gave it back.
    """
    if payment.received_on is None:
        return 0
    short = Dispute.here().all(
        Dispute.payment_id == payment.id, Dispute.taken < Dispute.lost, order_by=Dispute.id
    )
    for dispute in short:
        part = min(dispute.lost - dispute.taken, payment.returnable)
        if part:
            moves = disputed_money.take_out(payment, part, invoices, into=_written_off(payment), on=on)
            entry = _entry(dispute, EntryKind.COVERED, part, on=on, taken=part)
            dispute.taken += part
            _post(Event.DISPUTE_LOST, entry, list(moves), on, _lost_in_words(dispute))
    return sum(dispute.lost - dispute.taken for dispute in short)


def _let_go(dispute: Dispute, payment: Payment) -> None:
    payment.reserved -= dispute.held
    dispute.held = 0


def _hold(dispute: Dispute, payment: Payment) -> None:
    """Nobody else gives back what the payer may get this way. A refund that is under way was first."""
    dispute.held = min(dispute.at_stake, payment.returnable)
    payment.reserved += dispute.held
    db.session.flush()


def _entry(
    dispute: Dispute,
    kind: EntryKind,
    amount: int,
    *,
    on: date,
    taken: int = 0,
    fee: int = 0,
    reference: str | None = None,
) -> DisputeEntry:
    entry = DisputeEntry(
        id=new_id(),
        dispute_id=dispute.id,
        kind=kind,
        amount=amount,
        fee=fee,
        taken=taken,
        reference=reference,
        booked_on=on,
    )
    db.session.add(entry)
    audit.record(f"dispute_{kind.value}", dispute, by=None, after={"amount": amount, "fee": fee})
    return entry


def _post(event: Event, entry: DisputeEntry, moves: Sequence[Move], on: date, description: str) -> None:
    post(event, source=entry, moves=moves, on=on, by=None, description=description)


def _written_off(payment: Payment) -> Side:
    return Side(Code.BAD_DEBT, payment.chapter_id)


_WORDS = {
    EntryKind.WITHDRAWN: "withdrawn by the processor",
    EntryKind.REINSTATED: "given back by the processor",
    EntryKind.FEE: "fee",
}


def _lost_in_words(dispute: Dispute) -> str:
    return f"{dispute.kind.label} {dispute.reference}: the money is gone"


def _tell_of_state(dispute: Dispute) -> None:
    """What officers have to do something about, or are glad to hear. A loss is told when it is booked."""
    if what := _TOLD.get(dispute.state):
        _tell(what, dispute)


_TOLD = {
    DisputeState.INQUIRY: "dispute_inquiry",
    DisputeState.NEEDS_RESPONSE: "dispute_opened",
    DisputeState.UNDER_REVIEW: "dispute_opened",
    DisputeState.WON: "dispute_won",
}


def _tell(what: str, dispute: Dispute) -> None:
    later(Job.ANNOUNCE, once=f"{what}:{dispute.id}", what=what, dispute_id=dispute.id)
