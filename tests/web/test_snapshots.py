"""Snapshots on pages, as files and for programs."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.web.api.conftest import program
from webapp.core.db import transaction
from webapp.domain.organizations import Member, Organization, RoleName
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.reporting.snapshots import Snapshot


@pytest.fixture
def member(organization: Organization) -> Member:
    """Owed 100.00 until 40.00 was paid today."""
    made = factories.make_member(factories.make_chapter(), factories.make_status(), last_name="Late")
    factories.make_invoice(member=made, due_on=date(2026, 7, 31), grace_ends_on=date(2026, 7, 31))
    with transaction():
        record_offline(made, 4_000, method=Method.CASH, on=organization.today, by=None)
    return made


def test_an_admin_takes_two_and_compares_them(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], member: Member
) -> None:
    sign_in(client, factories.make_admin())
    here, today = f"/o/{organization.slug}/national/snapshots/", organization.today

    for day in (today - timedelta(days=1), today):
        assert client.post(here, data={"as_of": day.isoformat()}).status_code == 303
    refused = client.post(here, data={"as_of": (today + timedelta(days=1)).isoformat()})
    first, second = Snapshot.here().all(order_by=Snapshot.as_of)
    shown, lines = client.get(f"{here}{first.id}/").text, client.get(f"{here}{first.id}/?format=csv").text
    compared = client.get(f"{here}{second.id}/comparison?other={first.id}")
    changes = client.get(f"{here}{second.id}/comparison?other={first.id}&format=csv").text.splitlines()

    assert refused.status_code == 422 and "nobody knows what will be owed" in refused.text
    assert "$100.00" in shown and "Late, Ana" in shown and ",100.00," in lines
    assert "-$40.00" in compared.text.replace("−", "-")
    assert changes[1].split(",")[4:] == ["100.00", "60.00", "-40.00", "USD"]
    assert client.get(here).text.count("By hand") == 2


def test_a_treasurers_program_reads_its_own_chapters_part(
    organization: Organization, client: FlaskClient, member: Member
) -> None:
    other = factories.make_chapter("BET", "Beta Chapter")
    admin = program(client, organization, RoleName.NATIONAL_ADMIN)
    elsewhere = program(client, organization, RoleName.TREASURER, other)
    yesterday = (organization.today - timedelta(days=1)).isoformat()

    first = admin.post("reports/snapshots/", {"as_of": yesterday}).json
    second = admin.post("reports/snapshots/", {}).json
    path = f"reports/snapshots/{first['id']}/"
    [line] = admin.get(path + "members/").json["data"]
    compared = admin.get(path + f"comparison/{second['id']}/").json

    assert (first["owed"], second["owed"], first["nightly"]) == (10_000, 6_000, False)
    assert (line["member_id"], line["owed"], line["invoices"]) == (str(member.id), 10_000, 1)
    assert (compared["before"], compared["after"], compared["change"]) == (10_000, 6_000, -4_000)
    assert [one["change"] for one in compared["data"]] == [-4_000]
    assert [one["owed"] for one in admin.get(path).json["chapters"]] == [10_000]
    assert elsewhere.get(path).json["owed"] == 0
    assert elsewhere.get(path + "members/").json["data"] == []
