"""Servers that may be killed, and what runs on them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.installation import Installation, kill_family, settle
from tests.faults.office import Office, open_office
from tests.faults.stepper import Stepper
from tests.sandbox.control import SandboxControl
from tests.services import Database, Services
from webapp.adapters import schema
from webapp.adapters.embedded import EmbeddedServers
from webapp.adapters.embedded.postgres_server import APP_ROLE, OWNER_ROLE, SUPERUSER

MOST_TOLD = 4_000
"""Characters of what each process wrote; a test that failed shows them."""


@dataclass(frozen=True)
class Doomed:
    """A PostgreSQL and a Redis that the tests kill. Each test leaves them running for the next."""

    servers: EmbeddedServers
    services: Services
    template: Database


@pytest.fixture(scope="session")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    """What a process has written outlives it: only a machine that stops could lose what was not synced."""
    folder = tmp_path_factory.mktemp("doomed")
    servers = EmbeddedServers(folder, durable=True, postgres_settings={"fsync": "off"})
    with servers as addresses:
        maintenance = Database(
            *(servers.postgres.url(role, "postgres") for role in (APP_ROLE, OWNER_ROLE, SUPERUSER))
        )
        services = Services(maintenance, addresses.redis_url, "doomed")
        template = services.create_database("template")
        schema.upgrade(template.owner_url)
        yield Doomed(servers, services, template)


@pytest.fixture
def installation(doomed: Doomed, processor_url: str, tmp_path: Path) -> Iterator[Installation]:
    """No process is started: the test starts those it wants to lose."""
    doomed.servers.start()
    database = doomed.services.create_database("own", doomed.template)
    made = settle(doomed.servers, database, doomed.services.redis_url, tmp_path, processor_url)
    with made.redis() as client:
        client.flushall()
    made.sandbox.no_faults()
    made.sandbox.reset()
    yield made
    for name, process in made.processes.items():
        kill_family(process.pid)
        process.wait()
        print(f"--- the last of {name}:", made.said(name)[-MOST_TOLD:], sep="\n")
    doomed.services.drop_database(database)


@pytest.fixture
def office(installation: Installation) -> Iterator[Office]:
    with open_office(installation) as made:
        yield made


@pytest.fixture
def stripe(installation: Installation) -> SandboxControl:
    return installation.sandbox


@pytest.fixture
def start_stepper(office: Office) -> Iterator[Callable[..., Stepper]]:
    started: list[Stepper] = []

    def start(**environment: str) -> Stepper:
        started.append(Stepper(office, **environment))
        return started[-1]

    yield start
    for stepper in started:
        stepper.close()
