"""PostgreSQL has no room left, and gets some again."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests import factories
from tests.faults.conftest import Doomed
from tests.faults.disk import Disk, own_disk, short_files
from tests.faults.installation import Installation, until
from tests.faults.office import Office, open_office
from webapp.core.db import transaction
from webapp.domain.organizations import RoleName, tokens
from webapp.domain.payments.payment import Payment


@pytest.fixture(params=[own_disk, short_files])
def disk(request: pytest.FixtureRequest, installation: Installation, doomed: Doomed) -> Iterator[Disk]:
    database = urlsplit(installation.environment["DATABASE_URL"]).path.lstrip("/")
    with request.param(doomed.servers, database) as made:
        yield made
        for name in list(installation.processes):
            installation.kill(name)


@pytest.fixture
def office(installation: Installation, disk: Disk) -> Iterator[Office]:
    with open_office(installation) as made:
        yield made


@pytest.mark.case("F9")
def test_on_a_full_disk_nothing_is_saved_and_everything_can_be_read(
    installation: Installation, office: Office, disk: Disk
) -> None:
    office.owed(10_000_000)
    unopened = office.pay_page(office.owed())
    admin = office.cookie_of(factories.make_admin())
    with transaction():
        token = tokens.create("Accounting", RoleName.NATIONAL_ADMIN, by=None)[1]
    recorded = f"/api/organizations/{office.organization.id}/payments/"
    check = {"member_id": str(office.member_id), "amount": 100, "method": "check"}
    installation.start_web()
    assert installation.call(recorded, check, token, "before").status == 201

    disk.fill(office.organization.id)
    refused = installation.call(recorded, check, token, "meanwhile")
    assert refused.status == 503 and refused.headers["Retry-After"] == "10", refused
    assert disk.sentence in refused.text
    for path, headers in {
        unopened: {},
        f"/o/{office.organization.slug}/national/": {"Cookie": admin},
        recorded: {"Authorization": f"Bearer {token}"},
        "/readyz": {},
    }.items():
        assert installation.get(path, **headers).status == 200, path

    disk.make_room()
    until(lambda: installation.call(recorded, check, token, "meanwhile").status == 201)
    assert len(office.all(Payment)) == 2
    assert installation.is_running("web")
