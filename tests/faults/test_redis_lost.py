"""Redis goes away, comes back empty, or is full: what people do is saved, and what waits is done."""

import time
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import update

from tests import factories
from tests.faults.installation import Answer, Installation, until
from tests.faults.office import Office
from tests.sandbox.control import SandboxControl
from webapp.core.backlog import NUDGE_LASTS
from webapp.core.db import transaction
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import Payment

BANNER = "Background work is standing still"
LATEST = 60
"""Seconds after which what Redis has lost must be in its queue again."""


def pay_online(office: Office, stripe_control: SandboxControl) -> None:
    """A member opens the page, pays there, and the processor tells us."""
    page = office.pay_page(office.owed())
    opened = office.installation.post(f"{page}/checkouts", {"page": page})
    assert opened.status == 303, opened
    known = {event["id"] for event in stripe_control.objects("event")}
    stripe_control.pay(opened.headers["Location"])
    for event in stripe_control.objects("event"):
        if event["id"] not in known:
            assert office.deliver(event).status == 200


def all_is_booked(office: Office) -> bool:
    paid = {invoice.status for invoice in office.all(Invoice)} == {InvoiceStatus.PAID}
    return paid and not [job for job in office.jobs("queued", "running") if job.name == "react_to_event"]


def nothing_happened_twice(office: Office) -> None:
    assert all(payment.allocated == payment.amount for payment in office.all(Payment))
    assert len(office.all(Payment)) == len(office.all(Invoice))
    states = {event.state for event in office.all(ProcessorEvent)}
    assert states <= {DeliveryState.DONE, DeliveryState.IGNORED}


def signed_out_page(installation: Installation) -> Answer:
    form = {"page": "/", "email": "somebody@example.org", "password": "a wrong password"}
    return installation.post("/", form)


def on_their_way(office: Office) -> dict[UUID, datetime]:
    """The jobs that the sweeper has sent and nobody has taken, and when it did."""
    return {job.id: job.nudged_at for job in office.jobs("queued") if job.nudged_at}


def nudges_age(office: Office) -> None:
    """As if all of them had been sent so long ago that they count as lost from now on."""
    queued = update(OutboxJob).where(OutboxJob.state == JobState.QUEUED)
    with transaction() as session:
        session.execute(queued.values(nudged_at=OutboxJob.nudged_at - NUDGE_LASTS))


@pytest.mark.case("F5")
def test_redis_is_killed_and_comes_back_empty_and_everything_promised_is_sent_again_within_a_minute(
    installation: Installation, office: Office, stripe: SandboxControl
) -> None:
    """At the worst moment, just after the sweeper has sent all of it; the sweeper goes at its usual pace."""
    installation.start_web()
    pay_online(office, stripe)
    installation.start("scheduler", "-m", "webapp.workers.schedule")
    until(lambda: on_their_way(office))
    lost_at = time.monotonic()
    installation.lose_redis()

    assert installation.get(office.pay_page(office.all(Invoice)[0].id)).status == 200
    assert signed_out_page(installation).status == 503, "without counting, nobody may guess passwords"

    installation.servers.start()
    nudges_age(office)
    lost = on_their_way(office)
    installation.start_worker()
    until(lambda: all(job.nudged_at > lost[job.id] for job in office.all(OutboxJob) if job.id in lost))
    assert time.monotonic() - lost_at + NUDGE_LASTS.total_seconds() <= LATEST
    until(lambda: all_is_booked(office))
    nothing_happened_twice(office)


@pytest.mark.case("F6")
def test_while_redis_is_down_payments_and_webhooks_are_accepted_and_the_backlog_drains(
    installation: Installation, office: Office, stripe: SandboxControl
) -> None:
    admin = office.cookie_of(factories.make_admin())
    home = f"/o/{office.organization.slug}/national/"
    installation.start_web()
    installation.start_worker()
    installation.start_scheduler()
    assert BANNER not in installation.get(home, Cookie=admin).text

    installation.kill_redis()
    for _ in range(3):
        pay_online(office, stripe)
    shown = installation.get(home, Cookie=admin)
    assert shown.status == 200 and BANNER in shown.text
    assert BANNER not in installation.get(office.pay_page(office.all(Invoice)[0].id)).text

    installation.servers.start()
    until(lambda: all_is_booked(office))
    nothing_happened_twice(office)
    until(lambda: BANNER not in installation.get(home, Cookie=admin).text)
    assert installation.is_running("worker") and installation.is_running("scheduler")


@pytest.mark.case("F7")
def test_a_full_redis_is_like_none_and_says_so_in_the_log(
    installation: Installation, office: Office, stripe: SandboxControl
) -> None:
    admin = office.cookie_of(factories.make_admin())
    home = f"/o/{office.organization.slug}/national/"
    installation.start_web()
    installation.start_worker()
    with installation.redis() as client:
        client.config_set("maxmemory", "1")
        client.config_set("maxmemory-policy", "noeviction")

    pay_online(office, stripe)
    assert BANNER in installation.get(home, Cookie=admin).text
    assert "queue_down" in installation.said("web")

    with installation.redis() as client:
        client.config_set("maxmemory", "0")
    installation.start_scheduler()
    until(lambda: all_is_booked(office))
    nothing_happened_twice(office)
    assert installation.is_running("worker")
