"""What we say about money that goes back, by occasion."""

from collections.abc import Callable, Mapping

from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.wording import Voice, dear
from webapp.domain.refunds.refund import How, Refund


def submitted(voice: Voice, refund: Refund) -> Message:
    title = f"Your refund of {voice.money(refund.amount)} is on its way"
    return Message(
        subject=title,
        title=title,
        greeting=dear(refund.member),
        paragraphs=[f"{voice.name} has sent you money back{_where(refund)}. {_owed_again(voice, refund)}"],
        amount=("On its way", refund.amount),
        facts=_facts(refund),
        afterwards=["Banks take up to ten business days. We write again when it is through."],
    )


def arrived(voice: Voice, refund: Refund) -> Message:
    title = f"{voice.money(refund.amount)} refunded to you"
    by_check = f"A check{_numbered(refund)} is on its way to you by mail."
    shows = "Depending on your bank, you see it on your statement within ten business days."
    return Message(
        subject=title,
        title=title,
        greeting=dear(refund.member),
        paragraphs=[f"{voice.name} gave you money back{_where(refund)}. {_owed_again(voice, refund)}"],
        amount=("Refunded", refund.amount),
        facts=_facts(refund),
        afterwards=[by_check if refund.how is How.CHECK else shows],
    )


def failed(voice: Voice, refund: Refund) -> Message:
    title = f"Your refund of {voice.money(refund.amount)} did not arrive"
    return Message(
        subject=title,
        title=title,
        greeting=dear(refund.member),
        paragraphs=[
            f"{voice.name} sent you money back{_where(refund)}, and it did not get through, for instance"
            " because the card or the account was closed."
        ],
        amount=("Not arrived", refund.amount),
        afterwards=["Your treasurer knows. Answer this mail and say how you want to get it instead."],
    )


def failed_for_officers(voice: Voice, refund: Refund) -> Message:
    member = refund.member
    title = f"A refund of {voice.money(refund.amount)} to {member.name} failed"
    note = f" {refund.note}" if refund.note else ""
    return Message(
        subject=title,
        title=title,
        greeting="Hello,",
        paragraphs=[
            f"The money for {member.name} ({member.number}) did not get through{_where(refund)}.{note} It is"
            " with you again, and the books say so."
        ],
        amount=("Not arrived", refund.amount),
        facts=_facts(refund),
        afterwards=["Ask the member how to give it back instead, then mark the refund as handled."],
    )


ABOUT: Mapping[str, Callable[[Voice, Refund], Message]] = {
    "submitted": submitted,
    "arrived": arrived,
    "failed": failed,
    "failed_for_officers": failed_for_officers,
}


def _where(refund: Refund) -> str:
    if refund.how is How.CHECK or refund.payment is None:
        return " by check"
    return f" to {refund.payment.payer_detail}" if refund.payment.payer_detail else " the way you paid"


def _numbered(refund: Refund) -> str:
    return f" (number {refund.check_number})" if refund.check_number else ""


def _owed_again(voice: Voice, refund: Refund) -> str:
    if not refund.reinstates_debt or refund.invoice is None:
        return "You owe nothing more because of it."
    return f"With it, invoice {refund.invoice.number} is owed again: {voice.money(refund.invoice.owed)}."


def _facts(refund: Refund) -> list[tuple[str, str]]:
    facts = [("Invoice", refund.invoice.number)] if refund.invoice else []
    if refund.credit_note:
        facts.append(("Credit note", refund.credit_note.number))
    if refund.check_number:
        facts.append(("Check", refund.check_number))
    return facts
