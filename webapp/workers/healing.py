"""After a restore: nothing of the past is sent again, and what processors saw since comes back by looking.

The restored database believes that it is still the moment of the backup. What was waiting then may have
been done since, and payments were made that it does not know.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select, update

from webapp import wiring
from webapp.core import clock, jobs, signs, tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Refusal
from webapp.core.jobs import JobState, OutboxJob
from webapp.core.signs import Sign
from webapp.domain.notifications.daily import pass_day
from webapp.domain.notifications.delivery import Mail, MailState
from webapp.domain.organizations import LoginSession, Organization
from webapp.domain.payments import adopting
from webapp.domain.payments.checkout import UNFINISHED, Checkout, CheckoutState
from webapp.domain.payments.gateway import HostedCheckout
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import PaymentProcessor
from webapp.workers import payments
from webapp.workers.schedule import DAY_STARTS_AT

PERHAPS_SENT = "Perhaps sent before the database was restored."
PERHAPS_DONE = "Perhaps done before the database was restored. Look first, then try again."
_OPEN = (JobState.QUEUED, JobState.RUNNING)


@dataclass
class Healed:
    """`found`: payments brought back or brought up to date. `problems`: what a person has to look at."""

    organization: Organization
    found: list[Payment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def set_past_aside() -> None:
    """Mails and jobs that waited in the backup are not sent and done again; everybody signs in anew."""
    with transaction() as session:
        signs.give(Sign.RESTORE)
        still_open = LoginSession.ended_at.is_(None)
        session.execute(update(LoginSession).where(still_open).values(ended_at=func.now()))
    for organization in _organizations():
        with tenancy.acting_for(organization.id):
            _close_promises(organization)
            _pass_days(organization)


def heal(organization: Organization) -> Healed:
    """Look at everything that the organization's processors may know better. Any number of times."""
    healed = Healed(organization)
    with tenancy.acting_for(organization.id), jobs.held_back("mail", PERHAPS_SENT):
        with transaction():
            processors = PaymentProcessor.here().all()
        before = _known()
        for processor in processors:
            try:
                healed.problems += _look_at(processor)
            except Refusal as refusal:
                healed.problems.append(f"{processor.name}: {refusal.message} Run flask duesbook heal again.")
        healed.found = [payment for payment in _payments() if before.get(payment.id) != payment.state]
    return healed


def heal_all() -> Iterator[Healed]:
    for organization in _organizations():
        yield heal(organization)


def _close_promises(organization: Organization) -> None:
    here = OutboxJob.organization_id == organization.id
    undone = update(OutboxJob).where(here, OutboxJob.state.in_(_OPEN))
    ended = {"finished_at": func.now(), "lease_token": None, "lease_expires_at": None}
    with transaction() as session:
        session.execute(
            undone.where(OutboxJob.queue == "mail").values(
                state=JobState.DONE, last_error=PERHAPS_SENT, **ended
            )
        )
        session.execute(
            undone.where(OutboxJob.queue == "bulk").values(
                state=JobState.DEAD, last_error=PERHAPS_DONE, **ended
            )
        )


def _pass_days(organization: Organization) -> None:
    """The day's reminders may have gone out after the backup: they are written down, and not sent."""
    begun = clock.now() - timedelta(hours=DAY_STARTS_AT)
    day = begun.astimezone(clock.zone(organization.timezone)).date()
    waiting = (MailState.QUEUED, MailState.SENDING)
    with jobs.held_back("mail", PERHAPS_SENT), transaction() as session:
        pass_day(organization, day, wiring.links())
        session.execute(
            update(Mail)
            .where(Mail.organization_id == organization.id, Mail.state.in_(waiting))
            .values(state=MailState.FAILED, note=PERHAPS_SENT)
        )


def _look_at(processor: PaymentProcessor) -> Iterator[str]:
    """First pages we know, then those we forgot, then what happened to older payments, such as refunds."""
    since = (processor.events_seen_until or processor.created_at) - payments.OVERLAP
    pages = list(wiring.gateway_for(processor).recent_checkouts(since))
    with transaction():
        under_way = Checkout.here().all(
            Checkout.processor_id == processor.id,
            Checkout.state.in_((*UNFINISHED, CheckoutState.PROCESSING)),
        )
    for checkout in under_way:
        payments.look_up_checkout(checkout.id)
    for page in pages:
        yield from _adopt(processor, page)
    payments.look_through(processor)
    with transaction():
        unread = ProcessorEvent.here().all(
            ProcessorEvent.processor_id == processor.id, ProcessorEvent.state == DeliveryState.RECEIVED
        )
    for event in unread:
        payments.react_to_event(event.id)


def _adopt(processor: PaymentProcessor, page: HostedCheckout) -> Iterator[str]:
    try:
        with transaction():
            adopted = adopting.adopt(processor, page)
    except adopting.InvoiceForgotten as forgotten:
        yield f"{page.reference}: {forgotten.message} {forgotten.next_step}"
        return
    if adopted is not None:
        payments.look_up_checkout(adopted.id)


def _known() -> dict[object, object]:
    return {payment.id: payment.state for payment in _payments()}


def _payments() -> list[Payment]:
    with transaction():
        return list(Payment.here().all(Payment.processor_id.is_not(None), order_by=Payment.id))


def _organizations() -> list[Organization]:
    with transaction():
        return list(db.session.scalars(select(Organization).order_by(Organization.slug)))
