"""What mails about payment plans and their autopay say."""

from uuid import UUID

from webapp.domain.notifications import (
    autopay_mails,
    installments,
    plan_mails,
    plan_pdf,
)
from webapp.domain.notifications.composing.occasion import Composed, Occasion, Pointless
from webapp.domain.notifications.messages import Message
from webapp.domain.plans import following


def payment_plan(occasion: Occasion) -> Composed:
    details, to_member = occasion.mail.details, occasion.mail.member_id is not None
    plan = plan_mails.loaded(UUID(details["plan_id"]))
    url = occasion.links.payment_plan(occasion.organization, plan, to_member=to_member)
    message = plan_mails.message(occasion.voice, plan, details["what"], url, to_member=to_member)
    if message is None:
        raise Pointless("The plan has gone on since.")
    if details["what"] not in plan_mails.WITH_LETTER:
        return message, []
    return message, [plan_pdf.letter_of(plan, occasion.organization, test_mode=occasion.test_mode)]


def installment(occasion: Occasion) -> Composed:
    """Whether it is still owed is asked with the plan and its invoices locked, in the sending transaction."""
    details = {name: UUID(value) for name, value in occasion.mail.details.items()}
    following.hold(details["plan_id"])
    plan, installment_id = plan_mails.loaded(details["plan_id"]), details["installment_id"]
    if reason := installments.why_not(plan, plan.member, installment_id, on=occasion.on):
        raise Pointless(reason)
    url = occasion.links.payment_plan(occasion.organization, plan, to_member=True)
    return installments.reminder(occasion.voice, plan, installment_id, url, on=occasion.on), []


def autopay(occasion: Occasion) -> Composed:
    details, voice = occasion.mail.details, occasion.voice
    plan = plan_mails.loaded(UUID(details["plan_id"]))
    url = occasion.links.payment_plan(occasion.organization, plan, to_member=True)
    message: Message | None
    if details["what"] == "on":
        message = autopay_mails.agreed(voice, plan, url)
    elif occasion.mail.payment_id is not None:
        message = autopay_mails.not_collected(voice, plan, occasion.mail.payment_id, url, on=occasion.on)
    else:
        methods = occasion.links.payment_methods(occasion.organization)
        message = autopay_mails.card_ends(voice, plan, methods, on=occasion.on)
    if message is None:
        raise Pointless("The plan or its autopay has gone on since.")
    return message, []
