"""From the row of a mail to what it says, as of the moment it is sent."""

from collections.abc import Callable

from webapp.domain.notifications import approval_mails
from webapp.domain.notifications.composing import invoices, payments, people, plans
from webapp.domain.notifications.composing.occasion import Composed, Occasion, Pointless
from webapp.domain.notifications.delivery import MailKind

__all__ = ["Composed", "Occasion", "Pointless", "compose"]


def compose(occasion: Occasion) -> Composed:
    """The message and the letters that go with it; Pointless when there is no reason for it any more."""
    return _COMPOSERS[occasion.mail.kind](occasion)


_COMPOSERS: dict[MailKind, Callable[[Occasion], Composed]] = {
    MailKind.INVOICE: invoices.issued,
    MailKind.REMINDER: invoices.reminder,
    MailKind.REMINDER_TEST: invoices.reminder_test,
    MailKind.RECEIPT: payments.receipt,
    MailKind.PAYMENT_REVERSED: payments.payment_reversed,
    MailKind.PAYMENT_FAILED: payments.payment_failed,
    MailKind.PAID_TWICE: payments.paid_twice,
    MailKind.CREDIT_NOTE: payments.credit_note,
    MailKind.REFUND: payments.refund,
    MailKind.REFUND_FAILED: payments.refund,
    MailKind.DISPUTE: payments.dispute,
    MailKind.NEW_LINK: invoices.new_link,
    MailKind.CANCELLATION: invoices.cancellation,
    MailKind.INVITATION: people.invitation,
    MailKind.FORGOTTEN: people.password_reset,
    MailKind.APPROVAL_WAITING: people.of_approval(approval_mails.waiting),
    MailKind.APPROVAL_NEWS: people.of_approval(approval_mails.news),
    MailKind.SECURITY: people.security,
    MailKind.SIGN_IN_LINK: people.sign_in_link,
    MailKind.ADJUSTMENT: invoices.adjusted,
    MailKind.LATE_FEE: invoices.late_fee,
    MailKind.PAYMENT_PLAN: plans.payment_plan,
    MailKind.INSTALLMENT: plans.installment,
    MailKind.CHAPTER_HEALTH: people.chapter_health,
    MailKind.STATEMENT: invoices.statement,
    MailKind.AUTOPAY: plans.autopay,
}
