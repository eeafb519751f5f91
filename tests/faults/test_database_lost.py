"""PostgreSQL dies, and comes back."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from tests.faults.installation import Answer, Installation, until
from tests.faults.office import Office
from webapp.core.db import transaction
from webapp.core.jobs import Job, later
from webapp.domain.organizations import RoleName, tokens
from webapp.domain.payments.payment import Payment

AMOUNT = 100
SOON = 10
"""Seconds until everybody is served again, once the database is back."""


class Driver(threading.Thread):
    """A program that records checks as fast as it can, each with its own key, and notes what it hears."""

    def __init__(self, office: Office, token: str, number: int) -> None:
        super().__init__(daemon=True)
        self.installation, self.token, self.number = office.installation, token, number
        self.address = f"/api/organizations/{office.organization.id}/payments/"
        self.body = {"member_id": str(office.member_id), "amount": AMOUNT, "method": "check"}
        self.heard: dict[str, Answer] = {}
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            key = f"{self.number}-{len(self.heard)}"
            self.record(key)
            if self.heard[key].status == 503:
                self._over.wait(0.5)  # a program that is told to come back later

    def record(self, key: str) -> None:
        self.heard[key] = self.installation.call(self.address, self.body, self.token, key)

    def stop(self) -> None:
        self._over.set()
        self.join(30)

    def keys_answered(self, status: int) -> list[str]:
        return [key for key, answer in self.heard.items() if answer.status == status]


@contextmanager
def driven(office: Office, drivers: int = 3) -> Iterator[list[Driver]]:
    with transaction():
        token = tokens.create("Accounting", RoleName.NATIONAL_ADMIN, by=None)[1]
    started = [Driver(office, token, number) for number in range(drivers)]
    for driver in started:
        driver.start()
    try:
        yield started
    finally:
        for driver in started:
            driver.stop()


@pytest.mark.case("F8")
def test_postgres_is_killed_under_load_and_the_application_carries_on_when_it_is_back(
    installation: Installation, office: Office
) -> None:
    office.owed(10_000_000)
    page = office.pay_page(office.owed())
    chance = Random(8)
    installation.start_web()
    with driven(office) as drivers:
        until(lambda: all(len(driver.keys_answered(201)) > 2 for driver in drivers))
        time.sleep(chance.uniform(0, 0.3))
        installation.kill_postgres()
        until(lambda: all(driver.keys_answered(503) for driver in drivers))
        shown = installation.get(page)
        installation.servers.start()
        began = time.monotonic()
        back = {driver: len(driver.keys_answered(201)) for driver in drivers}
        until(lambda: all(len(driver.keys_answered(201)) > back[driver] for driver in drivers))
        assert time.monotonic() - began < SOON

    assert shown.status == 503 and shown.headers["Retry-After"] == "10"
    assert "Not available right now" in shown.text
    answers = [answer for driver in drivers for answer in driver.heard.values()]
    assert {answer.status for answer in answers} == {201, 503}
    assert {a.headers.get("Retry-After") for a in answers if a.status == 503} == {"10"}
    for driver in drivers:
        for key in driver.keys_answered(503):
            again = installation.call(driver.address, driver.body, driver.token, key)
            assert again.status in (201, 409), again
    recorded = len(office.all(Payment))
    assert recorded == len(answers), "each key once: neither half, nor twice, nor not at all"
    assert installation.is_running("web")


@pytest.mark.case("F5")
@pytest.mark.case("F8")
def test_worker_and_scheduler_outlive_both_servers(installation: Installation, office: Office) -> None:
    installation.start_worker()
    installation.start_scheduler()
    until(lambda: office.jobs("done"))

    installation.kill_postgres()
    installation.kill_redis()
    until(lambda: "tick_failed" in installation.said("scheduler"))
    until(lambda: "could not connect to Redis" in installation.said("worker"))
    installation.servers.start()

    done = len(office.jobs("done"))
    with transaction():
        later(Job.LOOK_THROUGH_EVENTS)
    until(lambda: len(office.jobs("done")) > done)
    assert installation.is_running("worker") and installation.is_running("scheduler")
