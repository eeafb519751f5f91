"""There is no room for PostgreSQL's write-ahead log, and some again."""

from collections.abc import Iterator

import pytest

from tests.faults.conftest import Doomed
from tests.faults.installation import Installation, until
from tests.faults.log_disk import LogDisk, own_log_disk, short_segments
from tests.faults.office import Office
from webapp.core.db import db, transaction
from webapp.domain.organizations import RoleName, tokens
from webapp.domain.payments.payment import Payment


@pytest.fixture(params=[own_log_disk, short_segments])
def log_disk(request: pytest.FixtureRequest, doomed: Doomed) -> Iterator[LogDisk]:
    with request.param(doomed.servers) as made:
        yield made


@pytest.mark.case("F9")
def test_when_there_is_no_room_for_the_log_everybody_is_asked_to_wait_and_nothing_is_lost(
    log_disk: LogDisk, installation: Installation, office: Office
) -> None:
    """PostgreSQL ends itself rather than go on without its log, so nothing can be read meanwhile either."""
    office.owed(10_000_000)
    page = office.pay_page(office.owed())
    with transaction():
        token = tokens.create("Accounting", RoleName.NATIONAL_ADMIN, by=None)[1]
    recorded = f"/api/organizations/{office.organization.id}/payments/"
    check = {"member_id": str(office.member_id), "amount": 100, "method": "check"}
    installation.start_web()
    assert installation.call(recorded, check, token, "before").status == 201

    log_disk.fill()
    db.session.rollback()
    for answer in (installation.call(recorded, check, token, "meanwhile"), installation.get(page)):
        assert answer.status == 503 and answer.headers["Retry-After"] == "10", answer
    assert installation.get("/healthz").status == 200

    log_disk.make_room()
    until(lambda: installation.call(recorded, check, token, "meanwhile").status == 201)
    assert installation.get(page).status == 200
    assert len(office.all(Payment)) == 2
    assert installation.is_running("web")
