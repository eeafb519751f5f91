"""What we say about payments that the payer's bank contests or takes back, by occasion and reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.wording import Voice, dear
from webapp.domain.organizations import Member
from webapp.domain.payments import dispute_reasons
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.gateway import DisputeKind


@dataclass(frozen=True)
class Facts:
    """What every occasion tells. `days` until the answer is due, where one is waited for."""

    voice: Voice
    dispute: Dispute
    invoice: Invoice | None
    pay_url: str | None
    days: int | None

    @property
    def member(self) -> Member:
        return self.dispute.payment.member

    @property
    def amount(self) -> str:
        return self.voice.money(self.dispute.amount)

    @property
    def paid_with(self) -> str:
        payment = self.dispute.payment
        return payment.payer_detail or payment.method.label.lower()

    @property
    def reason(self) -> str:
        return dispute_reasons.in_words(self.dispute.reason)


def _opened_for_member(facts: Facts) -> Message:
    title = f"Your bank contests your payment of {facts.amount}"
    return Message(
        subject=title,
        title=title,
        greeting=dear(facts.member),
        paragraphs=[
            f"Your bank told {facts.voice.name} that your payment with {facts.paid_with} is disputed"
            f" ({facts.reason}). It holds the money until that is settled."
        ],
        amount=("Disputed", facts.dispute.amount),
        afterwards=[
            "If this is a mistake, for instance because you did not recognize our name on your statement,"
            " tell your bank that it was right. If it ends in your favour, the invoice is owed again.",
            "Something wrong with what you were charged? Answer this mail. That is quicker than your bank.",
        ],
    )


def _opened_for_officer(facts: Facts) -> Message:
    title = f"{facts.member.name} disputes a payment of {facts.amount}"
    return Message(
        subject=f"{title}{_until(facts)}",
        title=title,
        greeting="Hello,",
        paragraphs=[
            f"The bank of {facts.member.name} ({facts.member.number}) took {facts.amount} back. Its reason:"
            f" {facts.reason}. The invoice stays paid while this is open, and nothing can be refunded."
        ],
        amount=("Disputed", facts.dispute.amount),
        facts=_when_due(facts),
        afterwards=[
            "Duesbook has put the records together. Look at them and send them to the bank, in time."
        ],
    )


def _inquiry_for_officer(facts: Facts) -> Message:
    title = f"A bank asks about a payment of {facts.amount} from {facts.member.name}"
    return Message(
        subject=f"{title}{_until(facts)}",
        title=title,
        greeting="Hello,",
        paragraphs=[
            f"This is an inquiry: no money has moved. The bank's reason: {facts.reason}. Without an answer it"
            " may become a dispute, and that costs a fee."
        ],
        amount=("Asked about", facts.dispute.amount),
        facts=_when_due(facts),
        afterwards=["Send the records to the bank, or refund the payment if it was wrong."],
    )


def _due_for_officer(facts: Facts) -> Message:
    title = f"{_days(facts.days)} left to answer a dispute of {facts.amount}"
    return Message(
        subject=f"{title}: {facts.member.name}",
        title=title,
        greeting="Hello,",
        paragraphs=[
            f"The bank of {facts.member.name} ({facts.member.number}) waits for an answer. Without one the"
            " dispute is lost."
        ],
        amount=("Disputed", facts.dispute.amount),
        facts=_when_due(facts),
        afterwards=["The records are ready to be sent. If the member is right, accept the dispute instead."],
    )


def _lost_for_member(facts: Facts) -> Message:
    if facts.dispute.kind is DisputeKind.RETURNED_DEBIT:
        title = f"Your bank debit of {facts.amount} came back"
        told = f"Your bank took back the debit with {facts.paid_with}: {facts.reason}."
    else:
        title = f"Your payment of {facts.amount} went back to you"
        told = f"Your bank decided the dispute about your payment with {facts.paid_with} in your favour."
    invoice = facts.invoice
    owed = invoice is not None and invoice.owed > 0
    again = f" Invoice {invoice.number} is owed again." if invoice and owed else ""
    return Message(
        subject=title,
        title=title,
        greeting=dear(facts.member),
        paragraphs=[f"{told}{again}"],
        amount=("Still to pay", invoice.owed) if invoice and owed else None,
        button=("See and pay the invoice", facts.pay_url) if facts.pay_url and owed else None,
        afterwards=["You can pay with another card or bank account, or ask your treasurer how else to pay."],
    )


def _lost_for_officer(facts: Facts) -> Message:
    returned = facts.dispute.kind is DisputeKind.RETURNED_DEBIT
    what = f"A bank debit of {facts.amount}" if returned else f"The dispute about {facts.amount}"
    title = f"{what} from {facts.member.name} {'came back' if returned else 'is lost'}"
    taken, lost = facts.dispute.taken, facts.dispute.lost
    twice = facts.voice.money(lost - taken)
    extra = f" {twice} of it had been refunded before and is written off." if lost > taken else ""
    return Message(
        subject=title,
        title=title,
        greeting="Hello,",
        paragraphs=[
            f"The money is with {facts.member.name} ({facts.member.number}) again: {facts.reason}."
            f" {facts.voice.money(taken)} is owed again, and the member was told.{extra}"
        ],
        amount=("Owed again", taken),
        afterwards=["The member can pay again with the link in the mail."],
    )


def _won_for_member(facts: Facts) -> Message:
    title = f"Your payment of {facts.amount} stands"
    return Message(
        subject=title,
        title=title,
        greeting=dear(facts.member),
        paragraphs=[
            f"Your bank has looked into the dispute about your payment with {facts.paid_with}, and decided"
            f" that it was right. You owe nothing more to {facts.voice.name} because of it."
        ],
        amount=("Paid", facts.dispute.amount),
    )


def _won_for_officer(facts: Facts) -> Message:
    title = f"You won the dispute about {facts.amount} from {facts.member.name}"
    return Message(
        subject=title,
        title=title,
        greeting="Hello,",
        paragraphs=["The bank found the payment right. The money is with the processor again."],
        amount=("Won", facts.dispute.amount),
    )


ABOUT: Mapping[tuple[str, str], Callable[[Facts], Message]] = {
    ("opened", "member"): _opened_for_member,
    ("opened", "officer"): _opened_for_officer,
    ("inquiry", "officer"): _inquiry_for_officer,
    ("due", "officer"): _due_for_officer,
    ("lost", "member"): _lost_for_member,
    ("lost", "officer"): _lost_for_officer,
    ("won", "member"): _won_for_member,
    ("won", "officer"): _won_for_officer,
}


def _until(facts: Facts) -> str:
    return "" if facts.days is None else f": {_days(facts.days)} to answer"


def _when_due(facts: Facts) -> list[tuple[str, str]]:
    answer_by = facts.dispute.answer_by
    if facts.days is None or answer_by is None:
        return []
    return [("Answer by", f"{facts.voice.moment(answer_by)} ({_days(facts.days)} left)")]


def _days(count: int | None) -> str:
    return "1 day" if count == 1 else f"{count or 0} days"
