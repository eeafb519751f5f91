"""The master of Redis dies while jobs wait: the sentinels name another one, and what was promised is done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.installation import PATIENCE, Installation, until
from tests.faults.office import Office
from tests.faults.sentinels import Watched, watching
from tests.faults.test_redis_lost import all_is_booked, nothing_happened_twice, pay_online, signed_out_page
from tests.sandbox.control import SandboxControl
from webapp.adapters.rq_pulse import RqPulse


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with watching(tmp_path) as made:
        yield made


@pytest.mark.case("F5")
def test_jobs_that_wait_and_jobs_that_come_during_a_fail_over_are_done_once(
    watched: Watched, installation: Installation, office: Office, stripe: SandboxControl
) -> None:
    installation.environment["REDIS_URL"] = watched.url
    installation.start_web()
    pay_online(office, stripe)
    lost = watched.master()
    assert waiting(watched) > 0

    watched.kill_master()
    pay_online(office, stripe)

    assert watched.master() != lost
    installation.start_worker()
    installation.start_scheduler()
    until(lambda: all_is_booked(office), 2 * PATIENCE)
    nothing_happened_twice(office)
    assert installation.get("/readyz").status == 200
    assert signed_out_page(installation).status == 422, "attempts are counted at the new master"


@pytest.mark.soak
@pytest.mark.case("F6")
def test_a_worker_that_listens_follows_to_the_new_master(
    watched: Watched, installation: Installation, office: Office, stripe: SandboxControl
) -> None:
    installation.environment["REDIS_URL"] = watched.url
    installation.start_web()
    installation.start_worker()
    installation.start_scheduler()
    pay_online(office, stripe)
    until(lambda: all_is_booked(office))

    watched.kill_master()
    pay_online(office, stripe)

    until(lambda: all_is_booked(office), 2 * PATIENCE)
    nothing_happened_twice(office)
    assert installation.is_running("worker")
    until(lambda: (RqPulse(watched.url).workers() or {}).get("now") == 1)


def waiting(watched: Watched) -> int:
    with watched.client() as client:
        return int(client.llen("rq:queue:now"))
