"""Everything of the main path, in any order, with faults in between, until the books are read at the end."""

import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import psutil
import pytest

from tests.faults.installation import Installation, until
from tests.faults.office import Office
from tests.sandbox.control import SandboxControl
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, OutboxJob, later
from webapp.domain.billing.invoice import Invoice, InvoiceStatus
from webapp.domain.organizations import RoleName, tokens
from webapp.domain.payments.payment import Payment, PaymentState

MOST_GROWTH = 12 * 1024**2
"""Bytes that a process may have gained since its first pieces of work."""

LONG = 300
"""Seconds, for hundreds of jobs on a busy machine."""


class Town:
    """What people, programs and bad luck do to an installation, one after the other, drawn by chance."""

    def __init__(self, installation: Installation, office: Office, stripe: SandboxControl, seed: int) -> None:
        self.installation, self.office, self.stripe = installation, office, stripe
        self.chance = Random(seed)
        self.done: Counter[str] = Counter()
        with transaction():
            self.token = tokens.create("Accounting", RoleName.NATIONAL_ADMIN, by=None)[1]
        self.pages = [office.pay_page(office.owed())]

    def open_for_business(self) -> None:
        self.installation.start_web()
        self.installation.start_worker()
        self.installation.start_scheduler()

    def act(self, *, faults: bool) -> None:
        work: list[Callable[[], None]] = [self.bill, self.look, self.pay, self.record, self.look_through]
        misfortune = [self.lose_web, self.lose_worker, self.lose_redis, self.lose_postgres, self.annoy]
        act = self.chance.choice(misfortune if faults and self.chance.random() < 0.05 else work)
        act()
        self.done[act.__name__] += 1

    def bill(self) -> None:
        self.pages.append(self.office.pay_page(self.office.owed(self.chance.randrange(100, 50_000))))

    def look(self) -> None:
        assert self.installation.get(self.chance.choice(self.pages)).status in (200, 503)

    def pay(self) -> None:
        page = self.chance.choice(self.pages)
        if "csrf_token" not in self.installation.get(page).text:
            return  # paid already, or nobody answers
        opened = self.installation.post(f"{page}/checkouts", {"page": page})
        address = opened.headers.get("Location", "")
        assert opened.status in (303, 400, 409, 503), opened
        if address.startswith(self.stripe.url):
            self.stripe.pay(address, self.chance.choice(["success", "success", "generic_decline"]))
            for event in self.stripe.objects("event")[: self.chance.randrange(6)]:
                assert self.office.deliver(event).status in (200, 503)

    def record(self) -> None:
        address = f"/api/organizations/{self.office.organization.id}/payments/"
        check = {"member_id": str(self.office.member_id), "amount": 100, "method": "check"}
        key = f"{self.chance.randrange(10**12)}"
        answers = [self.installation.call(address, check, self.token, key).status for _ in range(2)]
        assert set(answers) <= {201, 503}, answers

    def look_through(self) -> None:
        with transaction():
            later(Job.LOOK_THROUGH_EVENTS)

    def lose_web(self) -> None:
        self.installation.kill("web")
        self.installation.start_web()

    def lose_worker(self) -> None:
        self.installation.kill("worker")
        self.installation.start_worker()

    def lose_redis(self) -> None:
        self.installation.lose_redis()
        self.look()
        self.installation.servers.start()

    def lose_postgres(self) -> None:
        db.session.rollback()  # what the test itself was reading
        self.installation.kill_postgres()
        self.look()
        self.installation.servers.start()

    def annoy(self) -> None:
        """The processor has a bad minute."""
        self.stripe.fault(self.chance.choice(["rate_limit", "server_error", "malformed"]), count=3)

    def settle(self) -> None:
        """The processor answers again, and all that was promised is done."""
        self.stripe.no_faults()
        self.look_through()
        self.rest_is_done()

    def rest_is_done(self) -> None:
        until(lambda: not self.waiting(), LONG)

    def waiting(self) -> list[OutboxJob]:
        """What is due and was not tried yet; what failed comes again after its pause."""
        moment = datetime.now(UTC)
        return [job for job in self.office.jobs("queued") if not job.attempts and job.due_at <= moment]

    def memory(self) -> dict[str, int]:
        """Bytes of each process and what it has started, except for work horses, which come and go."""
        return {
            name: sum(_resident(one) for one in _family(process.pid, workers=name == "web"))
            for name, process in self.installation.processes.items()
        }


def _family(pid: int, *, workers: bool) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *(parent.children() if workers else [])]


def _resident(process: psutil.Process) -> int:
    return int(process.memory_info().rss)


def nothing_was_doubled(office: Office, stripe: SandboxControl) -> None:
    charged = Counter(
        charge["payment_intent"] for charge in stripe.objects("charge") if charge["status"] == "succeeded"
    )
    assert set(charged.values()) <= {1}
    paid = [one for one in office.all(Payment) if one.state is PaymentState.SUCCEEDED]
    assert all(payment.allocated + payment.credited == payment.amount for payment in paid)
    assert all(one.owed == 0 for one in office.all(Invoice) if one.status is InvoiceStatus.PAID)


@pytest.mark.case("F32")
@pytest.mark.parametrize(("warming", "rounds"), [(5, 15), pytest.param(60, 400, marks=pytest.mark.soak)])
def test_no_process_grows_with_what_it_has_done(
    installation: Installation, office: Office, stripe: SandboxControl, warming: int, rounds: int
) -> None:
    town = Town(installation, office, stripe, seed=32)
    town.open_for_business()

    def work(rounds: int) -> dict[str, int]:
        for number in range(rounds):
            town.look_through()
            for _ in range(5):
                town.look()
            if number % 5 == 0:
                town.pay()
        town.rest_is_done()
        return town.memory()

    before, after = work(warming), work(rounds)
    grown = {name: after[name] - before[name] for name in before}
    assert all(growth < MOST_GROWTH for growth in grown.values()), grown
    nothing_was_doubled(office, stripe)


@pytest.mark.soak
@pytest.mark.case("F32")
def test_ten_minutes_of_everything(
    installation: Installation, office: Office, stripe: SandboxControl, capsys: pytest.CaptureFixture[str]
) -> None:
    """SOAK_SECONDS and SOAK_SEED choose how long, and which mixture."""
    seconds = int(os.environ.get("SOAK_SECONDS", "600"))
    seed = int(os.environ.get("SOAK_SEED", str(time.time_ns() % 1_000_000)))
    town = Town(installation, office, stripe, seed)
    town.open_for_business()
    end = time.monotonic() + seconds
    said = time.monotonic()
    while time.monotonic() < end:
        town.act(faults=True)
        if time.monotonic() - said > 10:
            said = time.monotonic()
            with capsys.disabled():
                print(f"SOAK_SEED={seed}, {round(end - said)} s left: {dict(town.done)}", flush=True)
    town.settle()
    nothing_was_doubled(office, stripe)
