"""An officer gives back what a payment brought for an invoice."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from webapp.core.db import new_id
from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import Move
from webapp.domain.organizations import Login, tokens
from webapp.domain.payments import disputes
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds import booking, cap, refundable
from webapp.domain.refunds.cap import Cap
from webapp.domain.refunds.deciding import Asked, decide
from webapp.domain.refunds.refund import How, Refund, RefundState


@dataclass(frozen=True)
class Terms:
    """What an officer wants: how much (minor units), which way, whether the member owes it again, and why."""

    amount: int
    how: How
    reason: str
    reinstates_debt: bool = False
    check_number: str | None = None

    def problems(self, payment: Payment | None) -> dict[str, str]:
        """What is wrong with them by field, whatever the amount."""
        found: dict[str, str] = {}
        if self.how is How.ORIGINAL and (payment is None or payment.is_offline):
            found["how"] = "This money did not come through a processor. Give it back by check."
        if self.how is How.CHECK and not (self.check_number or "").strip():
            found["check_number"] = "Enter the number of the check."
        if not self.reason.strip():
            found["reason"] = "Say why. Others will read it."
        return found

    def written(self, by: Login, *, on: date) -> Refund:
        """A row that says so much; whose money it is, the caller adds."""
        return Refund(
            id=new_id(),
            amount=self.amount,
            how=self.how,
            check_number=(self.check_number or "").strip() if self.how is How.CHECK else None,
            state=RefundState.REQUESTED,
            reinstates_debt=self.reinstates_debt,
            refunded_on=on,
            reason=self.reason.strip(),
            requested_by_id=tokens.behind(by).person_id,
        )


def request_refund(invoice_id: UUID, payment_id: UUID, terms: Terms, *, by: Login, on: date) -> Asked:
    """Invoice and payment stay locked, so nobody is faster."""
    invoices = booking.lock_invoices(payment_id)
    payment = Payment.here().get(payment_id, lock=True)
    invoice = invoices.get(invoice_id) or Invoice.here().get(invoice_id)
    refuse_impossible(terms, invoice, payment)
    refund = terms.written(by, on=on)
    refund.payment_id, refund.invoice_id = payment.id, invoice.id
    refund.member_id, refund.chapter_id = payment.member_id, invoice.chapter_id
    limits = cap.cap_on(invoice, by, lock=True)
    return decide(refund, payment, invoices, limits, currency=payment.currency, by=by, on=on)


@dataclass(frozen=True)
class Preview:
    """What it would do: to the books, to what is owed (minor units), and to what this officer may alone."""

    moves: list[Move]
    owed_after: int
    cap: Cap
    needs_approval: bool


def preview(invoice: Invoice, payment: Payment, terms: Terms, *, by: Login) -> Preview:
    """Invalid, as asking for it would say, when it can't be done."""
    refuse_impossible(terms, invoice, payment)
    limits = cap.cap_on(invoice, by)
    return Preview(
        moves=booking.effect(invoice, payment, terms.amount, terms.how, reinstated=terms.reinstates_debt),
        owed_after=invoice.owed + (terms.amount if terms.reinstates_debt else 0),
        cap=limits,
        needs_approval=not limits.allows(terms.amount),
    )


def refuse_impossible(terms: Terms, invoice: Invoice, payment: Payment) -> None:
    """Every reason at its field, so that the form can be mended at once."""
    disputes.refuse_while_disputed(payment)
    problems: dict[str, str] = {}
    if terms.amount <= 0:
        problems["amount"] = "The amount must be more than zero."
    elif too_much := refundable.what_is_too_much(terms.amount, invoice, payment):
        problems["amount"] = too_much
    problems |= terms.problems(payment)
    if problems:
        raise Invalid(" ".join(problems.values()), fields=problems)
