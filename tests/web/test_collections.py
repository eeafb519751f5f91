"""What came in of what was owed: the pages, the lists behind each figure, the files, and the API."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.web.api.conftest import program
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, Member, Organization, RoleName
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method, Payment
from webapp.domain.reporting import snapshots

YEAR = "since=2026-01-01&as_of=2026-10-31"


@pytest.fixture
def chapter(organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]) -> Chapter:
    """300.00 billed in 2025 and 200.00 in July 2026; 120.00 came in, in August. An admin is signed in."""
    made = factories.make_chapter()
    sign_in(client, factories.make_admin())
    member = factories.make_member(made, factories.make_status("junior"))
    owing(member, 30_000, date(2025, 9, 1))
    owing(member, 20_000, date(2026, 7, 1))
    pay(member, 12_000, date(2026, 8, 10))
    return made


def owing(member: Member, amount: int, issued_on: date) -> Invoice:
    due_on = issued_on + timedelta(30)
    return factories.make_invoice(amount, member=member, dated=issued_on, due_on=due_on, grace_ends_on=due_on)


def pay(member: Member, amount: int, on: date) -> Payment:
    with transaction():
        return record_offline(member, amount, method=Method.CHECK, on=on, by=None)


def national(organization: Organization, page: str = "collections") -> str:
    return f"/o/{organization.slug}/national/reports/{page}/"


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("−", "-")


def test_the_report_says_what_was_owed_what_changed_it_and_what_is_owed_then(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    shown = text_of(client.get(f"{national(organization)}?{YEAR}").text)
    for line in ("Owed before $300.00", "+ Invoices issued $200.00", "- Collected $120.00"):
        assert line in shown
    assert "Owed on Oct 31, 2026 $380.00" in shown and "Net change $80.00" in shown
    assert "Collection rate 60.0 %" in shown and "Effectiveness 24.0 %" in shown
    assert f"Days sales outstanding {380 / 200 * 304:.0f} over these 304 days" in shown


def test_every_figure_leads_to_what_sums_to_it(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    elsewhere = factories.make_member(factories.make_chapter("BET", "Beta"), factories.make_status("senior"))
    owing(elsewhere, 7_000, date(2026, 7, 1))
    seen = set()
    for by in ("chapter", "pledge_class", "period", "year"):
        page = client.get(f"{national(organization)}?{YEAR}&by={by}").text
        for link, amount in re.findall(r'href="([^"]*/reports/[^"]*)">([−$\d.,]+)<', page):
            seen.add(link)
            assert f"{amount} in all" in client.get(link.replace("&amp;", "&")).text, link
    assert len(seen) > 20


@pytest.mark.parametrize(
    ("asked", "billed"),
    [
        ("year=2025", "$300.00 billed"),
        ("year=2026&as_of=2026-06-30", "$0.00 billed"),
        ("as_of=2025-09-01", "$300.00 billed"),
        ("as_of=2025-08-31", "$0.00 billed"),
        ("year=2026&as_of=2025-08-31", "so the fiscal year of the last day is shown"),
        ("since=2026-02-01&as_of=2026-01-31", "so the fiscal year of the last day is shown"),
        ("year=nonsense&as_of=nonsense&by=nonsense&since=2026-13-01", "$200.00 billed"),
    ],
)
def test_the_address_says_which_days(
    organization: Organization, client: FlaskClient, chapter: Chapter, asked: str, billed: str
) -> None:
    assert billed in text_of(client.get(f"{national(organization)}?{asked}").text)


def test_a_fiscal_year_begins_with_the_organizations_month(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    with transaction():
        db.session.merge(organization).fiscal_year_month = 7
    shown = text_of(client.get(f"{national(organization)}?year=2025&by=year").text)
    assert "Jul 1, 2025 to Jun 30, 2026" in shown and "$300.00 billed" in shown
    assert "2025–26" in shown


def test_a_billing_period_is_followed_since_it_was_billed(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    first = Invoice.here().all(order_by=Invoice.issued_on)[0]
    shown = text_of(client.get(f"{national(organization)}?period={first.period_id}&as_of=2026-10-31").text)
    assert "Sep 1, 2025 to Oct 31, 2026" in shown and "$120.00 of $300.00 billed" in shown


def test_a_treasurer_sees_the_chapters_part(
    organization: Organization, client: FlaskClient, chapter: Chapter, sign_in: Callable[..., Any]
) -> None:
    other, login = factories.make_chapter("BET", "Beta"), factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=other)
    owing(factories.make_member(other, factories.make_status("senior")), 7_000, date(2026, 7, 1))
    sign_in(client, login)
    here = f"/o/{organization.slug}/chapters/BET/reports/"
    for page in ("collections", "aging-trend"):
        shown = client.get(f"{here}{page}/?{YEAR}&chapter={chapter.id}").text
        assert "$70.00" in shown and "$380.00" not in shown
    listed = client.get(f"{here}collections/documents/?figure=billed&{YEAR}&chapter={chapter.id}").text
    assert "$70.00 in all" in listed


def test_the_file_has_every_figure(organization: Organization, client: FlaskClient, chapter: Chapter) -> None:
    header, line = client.get(f"{national(organization)}?{YEAR}&format=csv").text.splitlines()
    row = dict(zip(header.split(","), line.split(","), strict=True))
    assert (row["name"], row["opening"], row["billed"], row["closing"]) == (
        chapter.name, "300.00", "200.00", "380.00",
    )  # fmt: skip
    assert (row["collection_rate"], row["effectiveness"], row["dso_days"]) == ("0.6", "0.24", "577.6")
    lines = client.get(
        f"{national(organization)}documents/?figure=collected&{YEAR}&format=csv"
    ).text.splitlines()
    assert [line.split(",")[-3:] for line in lines[1:]] == [["12000", "120.00", "USD"]]


def test_a_list_of_many_documents_goes_on_where_it_ended(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    [member] = Member.here().all()
    for day in range(1, 30):
        pay(member, 100, date(2026, 9, day))
        pay(member, 100, date(2026, 9, day))
    address = f"{national(organization)}documents/?figure=collected&{YEAR}"
    first = client.get(address).text
    [link] = re.findall(r'href="([^"]*after=[^"]*)" rel="next"', first)
    second = client.get(link.replace("&amp;", "&")).text
    assert [page.count('data-label="Date"') for page in (first, second)] == [50, 9]


def test_a_month_end_that_was_written_down_says_so_and_what_a_backdated_document_changed(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    with transaction():
        snapshots.take_nightly(date(2026, 9, 1))
        snapshots.take_nightly(date(2026, 10, 1))
    address = f"{national(organization, 'aging-trend')}?as_of=2026-10-31"
    before = text_of(client.get(address).text)
    [member] = Member.here().all()
    pay(member, 5_000, date(2026, 9, 15))
    after = text_of(client.get(address).text)
    assert before.count("Snapshot ") == 2 and "Documents say now" not in before
    assert after.count("Something was dated back") == 1
    assert "Documents say now Something was dated back $0.00 $0.00 $0.00 $200.00 $130.00 $330.00" in after
    lines = client.get(address + "&format=csv").text.splitlines()
    assert len(lines) == 13
    assert [line.split(",")[1] for line in lines[-4:]] == ["documents", "stored", "stored", "documents"]
    assert lines[-2].split(",")[7:9] == ["380.00", "330.00"]


def test_every_point_of_the_trend_leads_to_what_sums_to_it(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    page = client.get(f"{national(organization, 'aging-trend')}?as_of=2026-10-31").text
    links = set(re.findall(r'href="([^"]*/reports/[^"]*)">(\$[\d.,]+)<', page))
    for link, amount in links:
        assert f"{amount} in all" in client.get(link.replace("&amp;", "&")).text, link
    assert len(links) > 10


def test_all_reports_stand_on_one_page(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    shown = client.get(f"/o/{organization.slug}/national/reports/").text
    links = re.findall(r'<li class="task"><div><a href="([^"]+)"', shown)
    assert len(links) >= 9 and len(set(links)) == len(links)
    assert {client.get(link).status_code for link in links} == {200}


def test_a_program_reads_the_same(organization: Organization, client: FlaskClient, chapter: Chapter) -> None:
    with transaction():
        snapshots.take_nightly(date(2026, 10, 1))
    elsewhere = factories.make_chapter("BET", "Beta")
    admin = program(client, organization, RoleName.NATIONAL_ADMIN)
    other = program(client, organization, RoleName.TREASURER, elsewhere)

    told = admin.get(f"reports/collections/?{YEAR}").json
    assert (told["opening"], told["billed"], told["collected"], told["closing"]) == (
        30_000, 20_000, 12_000, 38_000,
    )  # fmt: skip
    assert (told["collection_percent"], told["effectiveness_percent"], told["dso_days"]) == (
        "60.0", "24.0", "577.6",
    )  # fmt: skip
    assert [(one["id"], one["name"]) for one in told["groups"]] == [(str(chapter.id), chapter.name)]
    years = admin.get("reports/collections/?by=year&as_of=2026-10-31").json["groups"]
    told = [(one["name"], one["billed"]) for one in years]
    assert told == [("2026", 20_000), ("2025", 30_000)]
    backwards = admin.get("reports/collections/?since=2026-02-01&as_of=2026-01-31")
    assert backwards.status_code == 422
    hidden = other.get(f"reports/collections/?{YEAR}&chapter={chapter.id}").json
    assert (hidden["opening"], hidden["collection_percent"], hidden["groups"]) == (0, None, [])

    points = admin.get("reports/aging-trend/?as_of=2026-10-31").json["points"]
    assert len(points) == 12 and points[-1]["total"] == 38_000
    assert [point["day"] for point in points if point["snapshot_id"]] == ["2026-09-30"]
    assert {point["differs"] for point in points} == {False}
    for report in ("collections", "aging-trend"):
        answer = admin.get(f"reports/{report}/?format=csv&as_of=2026-10-31")
        assert answer.content_type.startswith("text/csv")
