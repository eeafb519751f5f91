"""Two web hosts, two worker hosts, one of each killed: what was answered is there, and nothing twice."""

import re
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from urllib.request import Request

import pytest
from sqlalchemy import func, update

from tests import factories
from tests.faults.fleet import WEB, WORKERS, Fleet, gathering
from tests.faults.installation import PATIENCE, Answer, Installation, until
from tests.faults.office import Office
from tests.faults.sweeping import Sweeper
from tests.processor import SECRET_KEY, WEBHOOK_SECRET
from tests.sandbox.control import SandboxControl
from webapp.core import clock
from webapp.core.db import new_id, transaction
from webapp.core.jobs import JobState, OutboxJob
from webapp.core.request_keys import RequestKey
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.organizations import Chapter, Member, RoleName, tokens
from webapp.domain.payments.payment import Method, Payment


@dataclass(frozen=True)
class Rush:
    """How much is wanted at once, and whether the hosts that died come back meanwhile; the short one has no
    schedulers either, for the test sweeps itself."""

    members: int
    runs: int
    checks: int
    online: int
    they_return: bool


SHORT = Rush(members=4, runs=1, checks=8, online=2, they_return=False)
LONG = Rush(members=15, runs=2, checks=24, online=6, they_return=True)
NOT_DUE = {"due_on": date(2099, 10, 1), "grace_ends_on": date(2099, 10, 1)}
"""The schedulers promise the daily work too; it has no late fee to add."""


@pytest.fixture
def fleet(installation: Installation, tmp_path: Path) -> Iterator[Fleet]:
    with gathering(installation, tmp_path) as made:
        yield made


@dataclass
class Crowd:
    """Browsers and programs that ask until they are answered, always with the same key."""

    installation: Installation
    token: str
    statuses: Counter[int] = field(default_factory=Counter)
    answered: dict[str, Answer] = field(default_factory=dict)
    deadline: float = field(default_factory=lambda: time.monotonic() + 2 * PATIENCE)

    def program(self, key: str, path: str, body: dict[str, object]) -> None:
        self.answered[key] = self._persist(
            lambda: self.installation.call(path, body, self.token, key), {200, 201, 202}
        )

    def browser(self, key: str, page: str) -> str:
        """Opens a payment: the same form is sent again until it leads somewhere. Where it leads."""
        shown = self._persist(lambda: self.installation.get(page), {200})
        fields = dict(re.findall(r'name="(csrf_token|form_key)"[^>]*value="([^"]+)"', shown.text))
        cookie = shown.headers.get("Set-Cookie", "").partition(";")[0]
        body = urllib.parse.urlencode(fields).encode()
        address = f"{self.installation.url}{page}/checkouts"
        opened = self._persist(
            lambda: self.installation.send(Request(address, body, {"Cookie": cookie})), {303}
        )
        self.answered[key] = opened
        return opened.headers.get("Location", "")

    def _persist(self, ask: Callable[[], Answer], wanted: set[int]) -> Answer:
        """`Done before` is an answer too: its process died between acting and saying so."""
        while True:
            answer = ask()
            self.statuses[answer.status] += 1
            if answer.status in wanted or "This was sent before and is done." in answer.text:
                return answer
            assert answer.status in {0, 409, 502, 503, 504}, answer
            assert time.monotonic() < self.deadline, answer
            time.sleep(0.2)


@pytest.fixture
def crowd(office: Office) -> Crowd:
    with transaction():
        token = tokens.create("Accounting", RoleName.NATIONAL_ADMIN, by=None)[1]
    return Crowd(office.installation, token)


@dataclass(frozen=True)
class Errand:
    """One thing that somebody wants done, exactly once."""

    key: str
    do: Callable[[], object]


def checks(office: Office, crowd: Crowd, rush: Rush) -> Iterator[Errand]:
    """The treasurer's program records checks; each amount and reference is one of a kind."""
    path = f"/api/organizations/{office.organization.id}/payments/"
    owes_nothing = factories.make_status("alumnus", billable=False)
    payer = factories.make_member(Chapter.here().get(office.chapter_id), owes_nothing).id
    for number in range(rush.checks):
        body = {
            "member_id": str(payer),
            "amount": 1_000 + number,
            "method": "check",
            "reference": f"check-{number}",
        }
        yield Errand(f"check-{number}", lambda b=body, n=number: crowd.program(f"check-{n}", path, b))


def online(office: Office, crowd: Crowd, stripe: SandboxControl, rush: Rush) -> Iterator[Errand]:
    """Members pay on the processor's page, which then tells us by webhook, through haproxy as well."""
    for number in range(rush.online):
        member = Member.here().get(office.member_id)
        page = office.pay_page(factories.make_invoice(50_000 + number, member=member, **NOT_DUE).id)
        yield Errand(f"online-{number}", lambda p=page, n=number: pay(crowd, stripe, f"online-{n}", p))


def pay(crowd: Crowd, stripe: SandboxControl, key: str, page: str) -> None:
    """Somebody whose page was opened, but who was not told where it is, opens it again and is sent there."""
    location, tries = "", 0
    while not location:
        location = crowd.browser(f"{key}-{tries}", page)
        tries += 1
    stripe.pay(location)


def runs(office: Office, crowd: Crowd, rush: Rush) -> Iterator[Errand]:
    """The treasury bills everybody, for several periods one after the other."""
    chapter, status = Chapter.here().get(office.chapter_id), factories.make_status("pledge")
    factories.make_rate(status, 12_345)
    with transaction() as session:
        session.add_all(
            Member(
                id=new_id(),
                number=f"B{place:05d}",
                first_name="Ana",
                last_name="Núñez",
                chapter_id=chapter.id,
                status_id=status.id,
            )
            for place in range(rush.members)
        )
    path = f"/api/organizations/{office.organization.id}/billing-runs/"
    schedule = factories.standard_schedule()
    for number in range(rush.runs):
        body = {
            "schedule_id": str(schedule.id),
            "period_id": str(factories.make_period(f"2026-{number}", **NOT_DUE).id),
        }
        yield Errand(f"run-{number}", lambda b=body, n=number: crowd.program(f"run-{n}", path, b))


def let_time_pass() -> None:
    """As if the minutes were over after which dead requests and jobs are given up."""
    running = OutboxJob.state == JobState.RUNNING
    long_ago, just_now = func.now() - timedelta(minutes=5), func.now() - timedelta(seconds=1)
    with transaction() as session:
        session.execute(update(RequestKey).where(RequestKey.status.is_(None)).values(created_at=long_ago))
        session.execute(update(OutboxJob).where(running).values(lease_expires_at=just_now, nudged_at=None))


@pytest.mark.parametrize("rush", [SHORT, pytest.param(LONG, marks=pytest.mark.soak)], ids=["short", "long"])
def test_a_web_host_and_a_worker_host_are_killed_and_all_that_was_answered_is_there_once(
    fleet: Fleet, office: Office, crowd: Crowd, stripe: SandboxControl, rush: Rush
) -> None:
    for name in (*WEB, *WORKERS):
        fleet.start(name, scheduling=rush.they_return)
    hook = f"/api/finances/webhooks/stripe/{office.organization.id}/{office.processor_id}/"
    stripe.register_endpoint(SECRET_KEY, office.installation.url + hook, secret=WEBHOOK_SECRET)
    errands = mixed(
        [*runs(office, crowd, rush)],
        [*checks(office, crowd, rush)],
        [*online(office, crowd, stripe, rush)],
    )
    until(lambda: fleet.alive() == set(WEB))

    with ThreadPoolExecutor(6) as threads:
        under_way = [threads.submit(errand.do) for errand in errands]
        until(lambda: done(under_way) >= len(errands) // 4, 2 * PATIENCE)
        fleet.kill("web1")
        fleet.kill("worker1")
        until(lambda: fleet.alive() == {"web2"})
        let_time_pass()
        if rush.they_return:
            until(lambda: done(under_way) >= len(errands) // 2, 2 * PATIENCE)
            fleet.start("web1")
            fleet.start("worker1")
        for errand in under_way:
            errand.result(2 * PATIENCE)
        until(lambda: fleet.alive() == (set(WEB) if rush.they_return else {"web2"}))
    sweeper = Sweeper(office.installation.environment["REDIS_URL"])
    sweeper.until(lambda: settled(office, rush), 3 * PATIENCE)

    everything_happened_once(office, crowd, stripe, rush)


def mixed(*kinds: list[Errand]) -> list[Errand]:
    """Spread evenly, so that whatever dies, dies in the middle of each kind."""
    placed = [(place / len(kind), errand.key, errand) for kind in kinds for place, errand in enumerate(kind)]
    return [errand for _, _, errand in sorted(placed, key=lambda one: one[:2])]


def done(under_way: "list[Future[object]]") -> int:
    return sum(one.done() for one in under_way)


def settled(office: Office, rush: Rush) -> bool:
    """Everybody who paid online is booked, and nothing waits but looks at checkouts hours from now."""
    soon = clock.now() + timedelta(minutes=2)
    waiting = [job.name for job in office.jobs("queued", "running") if job.due_at <= soon]
    booked = [one for one in office.all(Payment) if one.method is Method.CARD and one.allocated == one.amount]
    return not waiting and len(booked) == rush.online


def everything_happened_once(office: Office, crowd: Crowd, stripe: SandboxControl, rush: Rush) -> None:
    assert not office.jobs("dead")
    payments = office.all(Payment)
    recorded = {one.reference: one for one in payments if one.method is Method.CHECK}
    assert len(payments) == rush.checks + rush.online
    assert {reference: one.amount for reference, one in recorded.items()} == {
        f"check-{number}": 1_000 + number for number in range(rush.checks)
    }
    for key, answer in crowd.answered.items():
        if key in recorded and answer.status == 201:
            assert f'"{recorded[key].id}"' in answer.text

    assert [run.state for run in office.all(BillingRun)] == [RunState.DONE] * (rush.runs + rush.online)
    billed = Counter((one.member_id, one.period_id) for one in office.all(Invoice) if one.billed == 12_345)
    assert len(billed) == rush.members * rush.runs and set(billed.values()) == {1}

    charged = [one["amount"] for one in stripe.objects("charge") if one["status"] == "succeeded"]
    assert sorted(charged) == [50_000 + number for number in range(rush.online)]
    assert sorted(one.amount for one in payments if one.method is Method.CARD) == sorted(charged)
