"""Which function does which job."""

from collections.abc import Callable

from webapp.core.jobs import Job
from webapp.workers import (
    autopay,
    billing,
    bulk_actions,
    daily,
    disputes,
    notifications,
    organizations,
    payments,
    refunds,
    saved_methods,
)

JOBS: dict[Job, Callable[..., None]] = {
    Job.CHECK_ROSTER: organizations.check_roster,
    Job.IMPORT_ROSTER: organizations.import_roster,
    Job.UNDO_ROSTER: organizations.undo_roster,
    Job.START_BILLING_RUN: billing.start_billing_run,
    Job.BILL_BATCH: billing.bill_batch,
    Job.UNDO_BILLING_RUN: billing.undo_billing_run,
    Job.DAILY: daily.daily,
    Job.VERIFY_BOOKS: daily.verify_books,
    Job.SEAL_RECORDS: daily.seal_records,
    Job.ANNOUNCE: notifications.announce,
    Job.DELIVER_MAILS: notifications.deliver_mails,
    Job.CARRY_OUT_BULK_ACTION: bulk_actions.carry_out_bulk_action,
    Job.DRAW_LETTERS: notifications.draw_letters,
    Job.POST_RECEIPTS: payments.post_receipts,
    Job.REACT_TO_EVENT: payments.react_to_event,
    Job.CONFIRM_FEE: payments.confirm_fee,
    Job.LOOK_UP_CHECKOUT: payments.look_up_checkout,
    Job.LOOK_UP_PAYMENT: payments.look_up_payment,
    Job.COLLECT_INSTALLMENT: autopay.collect_installment,
    Job.CLOSE_CHECKOUT: payments.close_checkout,
    Job.LOOK_UP_METHOD: saved_methods.look_up_method,
    Job.DETACH_METHOD: saved_methods.detach_method,
    Job.SUBMIT_REFUND: refunds.submit_refund,
    Job.LOOK_UP_REFUND: refunds.look_up_refund,
    Job.SEND_DISPUTE_ANSWER: disputes.send_dispute_answer,
    Job.LOOK_THROUGH_EVENTS: payments.look_through_events,
}
