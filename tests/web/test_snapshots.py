"""Snapshots on pages, as files and for programs."""

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.web.api.conftest import program
from webapp.core.db import transaction
from webapp.domain.organizations import Chapter, Member, Organization, PledgeClass, RoleName
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.reporting import snapshots
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


@pytest.fixture
def two_chapters(organization: Organization) -> list[Snapshot]:
    """Two days: what Ada owes in Alpha and Bea in Beta is long due; Cid paid half of what is due soon."""
    alpha, beta = factories.make_chapter(), factories.make_chapter("BET", "Beta Chapter")
    with transaction():
        pledges = PledgeClass.named(alpha.id, "Fall 2024")
    for name, chapter, amount, more in (
        ("Ada", alpha, 30_000, {"pledge_class_id": pledges.id}),
        ("Bea", beta, 20_000, {}),
        ("Cid", alpha, 10_000, {}),
    ):
        status = factories.make_status(f"of-{name}")
        member = factories.make_member(chapter, status, first_name=name, last_name="Late", **more)
        due_on = organization.today + timedelta(days=7) if name == "Cid" else date(2026, 1, 31)
        factories.make_invoice(amount, member=member, due_on=due_on, grace_ends_on=due_on)
    with transaction():
        record_offline(member, 5_000, method=Method.CASH, on=organization.today, by=None)
    days = organization.today - timedelta(days=1), organization.today
    admin = factories.make_admin("Wren Writer")
    with transaction():
        return [snapshots.take(organization, day, by=admin) for day in days]


def asked(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def behind(page: str, path: str) -> dict[str, str]:
    """The figures of a page that lead to such a list, and the addresses of those."""
    found = re.findall(rf'href="([^"]*/{path}[^"]*)"[^>]*>(?:<span>[^<]*</span> <b>)?(-?\$[\d.,]+)', page)
    return {html.unescape(address): amount.replace("−", "-") for address, amount in found}


def test_every_figure_of_a_snapshot_opens_the_lines_that_sum_to_it(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], two_chapters: list[Snapshot]
) -> None:
    sign_in(client, factories.make_admin())
    here = f"/o/{organization.slug}/national/snapshots/"
    page = client.get(f"{here}{two_chapters[0].id}/").text
    lists = behind(page, "lines")
    assert {"$600.00", "$500.00", "$300.00", "$400.00", "$200.00", "$100.00"} <= set(lists.values())
    for address, amount in lists.items():
        shown = client.get(address).text
        assert f"{amount} in all" in shown, address
        path = urlsplit(address).path
        lines = client.get(path, query_string=asked(address) | {"format": "csv"}).text
        file = list(csv.DictReader(io.StringIO(lines)))
        column = re.search(r"amount=(\w+)", address)
        total = sum(Decimal(row[column[1] if column else "owed"]) for row in file)
        assert f"${total:,.2f}" == amount
    searched = client.get(f"{here}{two_chapters[0].id}/lines?q=bea").text
    assert "$200.00 in all" in searched and "Late, Ada" not in searched


def test_every_figure_of_a_comparison_opens_what_it_is_made_of(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], two_chapters: list[Snapshot]
) -> None:
    sign_in(client, factories.make_admin())
    before, after = two_chapters
    here = f"/o/{organization.slug}/national/snapshots/{after.id}/comparison"
    page = client.get(f"{here}?other={before.id}").text.replace("−", "-")
    for address, amount in behind(page, "lines").items():
        assert f"{amount} in all" in client.get(address).text, address
    changes = behind(page, "comparison/members")
    assert set(changes.values()) == {"-$50.00"} and len(changes) == 2
    for address in changes:
        shown = client.get(address).text.replace("−", "-")
        assert "together -$50.00" in shown and "Late, Cid" in shown and "Late, Ada" not in shown
    file = client.get(f"{here}/members?other={before.id}&format=csv").text.splitlines()
    assert file[1].split(",")[4:] == ["100.00", "50.00", "-50.00", "USD"] and len(file) == 2
    assert client.get(f"{here}/members").status_code == 404
    nobody = client.get(f"{here}/members?other={before.id}&q=ada").text
    assert "No changes match" in nobody


def test_a_treasurer_finds_no_line_of_another_chapter(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], two_chapters: list[Snapshot]
) -> None:
    beta = Chapter.here().all(Chapter.code == "BET")[0]
    treasurer = factories.make_login("Tom Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=Chapter.here().all(Chapter.code == "ALP")[0])
    sign_in(client, treasurer)
    here = f"/o/{organization.slug}/chapters/ALP/snapshots/{two_chapters[0].id}/lines"
    assert "$400.00 in all" in client.get(here).text
    assert "Nothing of this was owed then" in client.get(f"{here}?chapter={beta.id}").text


def test_a_program_asks_for_the_lines_of_a_figure(
    organization: Organization, client: FlaskClient, two_chapters: list[Snapshot]
) -> None:
    admin = program(client, organization, RoleName.NATIONAL_ADMIN)
    path, alpha = f"reports/snapshots/{two_chapters[0].id}/", Chapter.here().all(Chapter.code == "ALP")[0]

    def owed(**asked: Any) -> list[int]:
        return sorted(row["owed"] for row in admin.get(path + "members/", query_string=asked).json["data"])

    assert owed() == [10_000, 20_000, 30_000] and owed(amount="over_90") == [20_000, 30_000]
    assert owed(amount="over_90", chapter=str(alpha.id)) == [30_000] and owed(q="bea") == [20_000]
    compared = f"{path}comparison/{two_chapters[1].id}/"
    assert admin.get(compared, query_string={"q": "ada"}).json["data"] == []
    assert [one["change"] for one in admin.get(compared, query_string={"q": "cid"}).json["data"]] == [-5_000]


def test_a_member_whose_debt_changed_in_two_chapters_is_told_of_both_page_by_page(
    organization: Organization, client: FlaskClient, member: Member
) -> None:
    admin = program(client, organization, RoleName.NATIONAL_ADMIN)
    yesterday, today = organization.today - timedelta(days=1), organization.today
    first = admin.post("reports/snapshots/", {"as_of": yesterday.isoformat()}).json
    beta = factories.make_chapter("BET", "Beta Chapter")
    with transaction():
        Member.here().get(member.id).chapter_id = beta.id
    factories.make_invoice(4_000, member=Member.here().get(member.id), dated=today)
    second = admin.post("reports/snapshots/", {"as_of": today.isoformat()}).json

    found, cursor = [], ""
    while cursor is not None:
        query = f"?limit=1&cursor={cursor}" if cursor else "?limit=1"
        page = admin.get(f"reports/snapshots/{second['id']}/comparison/{first['id']}/{query}").json
        found += page["data"]
        cursor = page["next_cursor"]

    assert {one["member_id"] for one in found} == {str(member.id)}
    assert sorted(one["chapter"] for one in found) == ["Alpha Chapter", "Beta Chapter"]
    assert sum(one["change"] for one in found) == second["owed"] - first["owed"]
