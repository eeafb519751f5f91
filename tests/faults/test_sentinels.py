"""The master of Redis dies while jobs wait: the sentinels name another one, and what was promised is done."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rq import Worker
from rq.serializers import JSONSerializer

from tests.faults.installation import PATIENCE, Installation, until
from tests.faults.office import Office
from tests.faults.sentinels import Watched, watching
from tests.faults.sweeping import Sweeper
from tests.faults.test_redis_lost import all_is_booked, nothing_happened_twice, pay_online, signed_out_page
from tests.sandbox.control import SandboxControl
from webapp.core import clock


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


@pytest.mark.case("F6")
def test_a_worker_that_listens_follows_to_the_new_master(
    watched: Watched, installation: Installation, office: Office, stripe: SandboxControl
) -> None:
    installation.environment["REDIS_URL"] = watched.url
    installation.start_web()
    installation.start_worker()
    installation.start_scheduler()
    pay_online(office, stripe)
    sweeper = Sweeper(watched.url)
    sweeper.until(lambda: all_is_booked(office))

    watched.kill_master()
    killed_at = clock.now()
    pay_online(office, stripe)

    sweeper.until(lambda: all_is_booked(office), 2 * PATIENCE)
    nothing_happened_twice(office)
    assert installation.is_running("worker")
    until(lambda: heard_from(watched) > killed_at)


def heard_from(watched: Watched) -> datetime:
    """When the new master last heard from the worker."""
    with watched.client() as client:
        beats = [worker.last_heartbeat for worker in Worker.all(connection=client, serializer=JSONSerializer)]
    return max((beat for beat in beats if beat), default=datetime.min.replace(tzinfo=UTC))


def waiting(watched: Watched) -> int:
    with watched.client() as client:
        return int(client.llen("rq:queue:now"))
