"""A process is killed between any two things it does: another finishes it, and nothing is doubled."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, update

from tests.faults.installation import ROOT
from tests.faults.office import Office
from tests.jobs import JobRunner
from tests.processor import ADDRESSES
from tests.sandbox.control import SandboxControl
from webapp import wiring
from webapp.core import backlog, failpoints, tenancy
from webapp.core.clock import now
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, JobState, OutboxJob
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.payments import inbox
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.web import paying
from webapp.workers import runner

PLACES = ["commit", "committed", "answered"]
"""Before a commit, after it, and after a processor's answer."""


class Stepper:
    """The process that does things, and dies in a fork."""

    def __init__(self, office: Office, **environment: str) -> None:
        self.organization_id = str(office.organization.id)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.stepping"], cwd=ROOT, text=True,
            env=office.installation.environment | environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def dies(self, fail_at: str, kind: str, row_id: Any) -> bool:
        """False when it never came by the place, and so finished."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([fail_at, self.organization_id, kind, str(row_id)]) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, failpoints.KILLED), f"{fail_at}: {status}"
        return status == failpoints.KILLED

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


@pytest.fixture
def start_stepper(office: Office) -> Iterator[Callable[..., Stepper]]:
    started: list[Stepper] = []

    def start(**environment: str) -> Stepper:
        started.append(Stepper(office, **environment))
        return started[-1]

    yield start
    for stepper in started:
        stepper.close()


def every_step(act: Callable[[str], bool]) -> int:
    """Again with the next passage of each place, until one round gets by it unharmed. How many died."""
    deaths = 0
    for place in PLACES:
        passage = 1
        while act(f"{place}:{passage}"):
            passage, deaths = passage + 1, deaths + 1
    return deaths


def promised(office: Office, job: Job) -> OutboxJob:
    return [row for row in office.jobs("queued") if row.name == job.work.name][-1]


def take_over() -> None:
    """The leases of the dead run out, and somebody else does what is left."""
    with tenancy.platform(), transaction():
        running = OutboxJob.state == JobState.RUNNING
        db.session.execute(
            update(OutboxJob).where(running).values(lease_expires_at=func.now(), due_at=func.now())
        )
    for _ in range(3):
        with tenancy.platform(), transaction():
            stuck = backlog.overdue_nudges()
        for nudge in stuck:
            runner.perform(str(nudge.organization_id), str(nudge.job_id))
        JobRunner().run_all()


@pytest.mark.case("F1")
@pytest.mark.case("F2")
@pytest.mark.case("K17")
def test_opening_a_checkout_leads_to_one_page_wherever_it_was_killed(
    office: Office, stripe: SandboxControl, start_stepper: Callable[..., Stepper]
) -> None:
    stepper = start_stepper()

    def act(fail_at: str) -> bool:
        invoice_id = office.owed()
        died = stepper.dies(fail_at, "checkout", invoice_id)
        db.session.rollback()
        found = paying.open_checkout(invoice_id, ADDRESSES)
        sessions = [
            made
            for made in stripe.objects("checkout.session")
            if made["metadata"]["invoice_id"] == str(invoice_id)
        ]
        assert [session["id"] for session in sessions] == [found.session_reference], fail_at
        assert found.state is CheckoutState.LIVE and found.attempt == 1
        return died

    assert every_step(act) >= 5


@pytest.mark.case("F2")
@pytest.mark.case("K17")
def test_reacting_to_a_payment_books_it_once_wherever_it_was_killed(
    office: Office, stripe: SandboxControl, start_stepper: Callable[..., Stepper]
) -> None:
    stepper = start_stepper()

    def act(fail_at: str) -> bool:
        invoice_id = office.owed()
        checkout = paying.open_checkout(invoice_id, ADDRESSES)
        stripe.pay(checkout.url or "")
        gateway = wiring.gateway_for(office.processor)
        for notice in gateway.recent_notices(now().replace(year=2020)):
            with transaction():
                inbox.take_in(office.processor, notice, found_by=inbox.BY_WEBHOOK)
        died = stepper.dies(fail_at, "job", promised(office, Job.REACT_TO_EVENT).id)
        take_over()
        db.session.rollback()
        invoice = next(one for one in office.all(Invoice) if one.id == invoice_id)
        assert (invoice.status, invoice.paid) == (InvoiceStatus.PAID, 40_000), fail_at
        stripe.reset()
        return died

    assert every_step(act) >= 7
    assert {payment.state for payment in office.all(Payment)} == {PaymentState.SUCCEEDED}
    told = [job.dedupe_key for job in office.all(OutboxJob) if job.name == "announce"]
    assert len(told) == len(set(told)) == len(office.all(Payment))
    assert {checkout.state for checkout in office.all(Checkout)} == {CheckoutState.PAID}
