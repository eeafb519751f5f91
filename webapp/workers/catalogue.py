"""Which function does which job."""

from collections.abc import Callable

from webapp.core.jobs import Job
from webapp.workers import organizations, payments

JOBS: dict[Job, Callable[..., None]] = {
    Job.IMPORT_ROSTER: organizations.import_roster,
    Job.REACT_TO_EVENT: payments.react_to_event,
    Job.CONFIRM_FEE: payments.confirm_fee,
    Job.LOOK_UP_CHECKOUT: payments.look_up_checkout,
    Job.CLOSE_CHECKOUT: payments.close_checkout,
    Job.LOOK_THROUGH_EVENTS: payments.look_through_events,
}
