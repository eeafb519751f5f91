"""A credit note goes back to the payer: through the processor its money came by, or by check."""

from datetime import date
from uuid import UUID

from webapp.core import money
from webapp.core.errors import Invalid
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.organizations import Login
from webapp.domain.payments import disputes
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds import booking, cap
from webapp.domain.refunds.deciding import Asked, decide
from webapp.domain.refunds.requesting import Terms


def release_of(note_id: UUID, terms: Terms, *, by: Login, on: date) -> Asked:
    """All of it or a part; the rest is a new note. Until it is over, nobody else can use the note."""
    payment_id = CreditNote.here().get(note_id).payment_id
    invoices = booking.lock_invoices(payment_id) if payment_id else {}
    payment = Payment.here().get(payment_id, lock=True) if payment_id else None
    note = CreditNote.here().get(note_id, lock=True)
    refuse_impossible(terms, note, payment)
    limits = cap.cap_on_note(note, by, lock=True)
    note.hold(by=by)
    refund = terms.written(by, on=on)
    refund.payment_id, refund.credit_note_id = payment_id, note.id
    refund.member_id, refund.chapter_id = note.member_id, note.chapter_id
    return decide(refund, payment, invoices, limits, currency=note.currency, by=by, on=on)


def refuse_impossible(terms: Terms, note: CreditNote, payment: Payment | None) -> None:
    """Every reason at its field, so that the form can be mended at once."""
    note.refuse_unless_open()
    if payment is not None:
        disputes.refuse_while_disputed(payment)
    left = note.amount if payment is None else min(note.amount, payment.returnable)
    problems = terms.problems(payment)
    if terms.amount <= 0:
        problems["amount"] = "The amount must be more than zero."
    elif terms.amount > left:
        shown = money.display(left, note.currency)
        problems["amount"] = f"At most {shown} of credit note {note.number} can go back."
    if terms.reinstates_debt:
        problems["reinstates_debt"] = "A credit note settles nothing that could be owed again."
    if problems:
        raise Invalid(" ".join(problems.values()), fields=problems)
