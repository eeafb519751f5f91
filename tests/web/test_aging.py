"""What was owed on a day, by age: the page, the list behind each figure, the file, and the API."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.web.api.conftest import program
from webapp.core.db import transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Chapter, Member, Organization, RoleName
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method

ISSUED, DUE = date(2026, 7, 1), date(2026, 7, 31)


@pytest.fixture
def chapter(organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]) -> Chapter:
    """Its treasurer is signed in."""
    made, login = factories.make_chapter(), factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=made)
    sign_in(client, login)
    return made


def owing(chapter: Chapter, status: str, amount: int, due_on: date = DUE) -> Invoice:
    member = factories.make_member(chapter, factories.make_status(status))
    return factories.make_invoice(amount, member=member, due_on=due_on, grace_ends_on=due_on)


def pay(invoice: Invoice, amount: int, on: date) -> None:
    with transaction():
        record_offline(Member.here().get(invoice.member_id), amount, method=Method.CHECK, on=on, by=None)


def address(organization: Organization, chapter: Chapter) -> str:
    return f"/o/{organization.slug}/chapters/{chapter.code}/reports/aging/"


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.case("K19")
def test_a_day_that_is_over_is_looked_at_as_it_was_then(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    pay(owing(chapter, "junior", 10_000), 4_000, DUE + timedelta(10))
    shown = [
        text_of(client.get(f"{address(organization, chapter)}?as_of={DUE + timedelta(days)}").text)
        for days in (-31, -30, 0, 9, 10, 31)
    ]
    assert "Nothing was owed on that day" in shown[0]
    assert ["Current $100.00" in one for one in shown[1:4]] == [True, True, False]
    assert "1–30 days $100.00" in shown[3] and "1–30 days $60.00" in shown[4]
    assert "31–60 days $60.00" in shown[5]


def test_every_figure_leads_to_the_invoices_that_sum_to_it(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    late = owing(chapter, "junior", 10_000)
    later = owing(chapter, "senior", 2_500, DUE + timedelta(60))
    elsewhere = owing(factories.make_chapter("BET", "Beta"), "friend", 7_700)
    pay(late, 10_000, DUE + timedelta(20))
    page = client.get(f"{address(organization, chapter)}?as_of={DUE + timedelta(9)}").text
    links = re.findall(r'href="([^"]*/reports/aging/invoices/[^"]*)">\$([\d.]+)<', page)
    assert {amount for _, amount in links} == {"100.00", "25.00", "125.00"}
    for link, amount in links:
        found = client.get(link.replace("&amp;", "&")).text
        assert f"${amount} in all" in found and elsewhere.number not in found
        numbers = {one.number for one in (late, later) if one.number in found}
        expected = {"100.00": {late.number}, "25.00": {later.number}}
        assert numbers == expected.get(amount, {late.number, later.number})


def test_severe_delinquency_is_asked_for_by_an_amount(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    much, little = owing(chapter, "junior", 90_000), owing(chapter, "senior", 20_000)
    names = [Member.here().get(one.member_id).last_name for one in (much, little)]
    here = f"{address(organization, chapter)}?as_of={DUE + timedelta(91)}&over_90_above="
    assert [name in client.get(here + "500").text for name in names] == [True, False]
    assert "Nobody owes that much for over 90 days" in client.get(here + "900").text
    refused = client.get(here + "a+lot").text
    assert "is not an amount" in refused and 'value="a lot"' in refused
    assert all(name in refused for name in names)


def test_the_ten_who_owe_most_stand_there_and_all_of_them_are_a_list(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    status = factories.make_status()
    for number in range(12):
        factories.make_member(chapter, status, last_name=f"Owing {number:02}")
    factories.make_invoice(10_000, member=Member.here().all(Member.status_id == status.id)[0])
    here = f"{address(organization, chapter)}?by=member&as_of={DUE}"
    page = client.get(here).text
    assert page.count("Ana Owing") == 10 and "The 10 that owe most" in page
    assert client.get(f"{here}&show=all").text.count("Ana Owing") == 12
    found, last = set(re.findall(r"Owing \d\d", page)), Member.here().all(Member.status_id == status.id)
    after = next(one for one in sorted(last, key=lambda one: one.id, reverse=True) if one.last_name in found)
    rest = client.get(f"{here}&after=10000~{after.id}").text
    assert found.isdisjoint(re.findall(r"Owing \d\d", rest)) and rest.count("Ana Owing") == 2


def test_who_is_severely_delinquent_stands_by_itself_above_the_amount_that_is_set(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    for status, amount in (("junior", 90_000), ("senior", 20_000), ("fresh", 5_000)):
        owing(chapter, status, amount, DUE + timedelta(60) if status == "fresh" else DUE)
    here = f"{address(organization, chapter)}?as_of={DUE + timedelta(91)}"
    assert "2 members owe something for over 90 days, $1,100.00 together" in text_of(client.get(here).text)
    with transaction():
        DuesSettings.of(organization).change(by=None, severe_above=20_000)
    page = client.get(here).text
    assert "1 member owes more than $200.00 for over 90 days, $900.00 together" in text_of(page)
    [everybody] = re.findall(r'href="([^"]*over_90_above=200.00[^"]*)"', page)
    assert client.get(everybody.replace("&amp;", "&")).status_code == 200
    told = program(client, organization, RoleName.TREASURER, chapter).get(
        f"reports/aging/?as_of={DUE + timedelta(91)}"
    )
    assert (told.json["severe_above"], [one["over_90"] for one in told.json["severely_delinquent"]]) == (
        20_000,
        [90_000],
    )


def test_the_file_and_the_program_say_the_same_as_the_page(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    pay(owing(chapter, "junior", 10_000), 4_000, DUE + timedelta(10))
    owing(chapter, "senior", 30_000, DUE + timedelta(60))
    asked = f"?as_of={DUE + timedelta(40)}&by=member"
    lines = client.get(address(organization, chapter) + asked + "&format=csv").text.splitlines()
    sums = [line.split(",")[2:] for line in lines[1:]]
    assert sums == [
        ["1", "300.00", "0.00", "0.00", "0.00", "0.00", "300.00", "USD"],
        ["1", "0.00", "0.00", "60.00", "0.00", "0.00", "60.00", "USD"],
    ]
    treasurer = program(client, organization, RoleName.TREASURER, chapter)
    told = treasurer.get(f"reports/aging/{asked}").json
    assert (told["current"], told["days_31_60"], told["total"], told["past_due"]) == (
        30_000,
        6_000,
        36_000,
        6_000,
    )
    assert (told["delinquency_percent"], told["average_days"]) == ("16.7", 40)
    assert [(one["total"], one["days_31_60"]) for one in told["groups"]] == [(30_000, 0), (6_000, 6_000)]
    assert [one["chapter_code"] for one in told["chapters"]] == [chapter.code]
