"""Closing a fiscal year and reading the statements: pages, files and API; every figure opens its postings."""

import re
from collections.abc import Callable
from datetime import date
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.domain.reporting.test_financial_statements import post
from tests.web.api.conftest import Program, program
from tests.web.specimens import make_dispute
from webapp.core.db import db, transaction
from webapp.domain.ledger import ClosedSpan, YearClosing
from webapp.domain.organizations import Login, Member, Organization, RoleName
from webapp.domain.payments import offline
from webapp.domain.payments.payment import Method

LAST = 2025


@pytest.fixture
def admin(organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]) -> Login:
    login = factories.make_admin()
    sign_in(client, login)
    return login


@pytest.fixture
def national(organization: Organization, admin: Login) -> str:
    return f"/o/{organization.slug}/national/"


@pytest.fixture
def office(organization: Organization, client: FlaskClient) -> Program:
    return program(client, organization, RoleName.NATIONAL_ADMIN)


def disputed() -> None:
    member = factories.make_invoice().member_id
    with transaction() as session:
        found = Member.here().get(member)
        payment = offline.record_offline(
            found, 100, method=Method.CASH, on=date(LAST, 7, 1), by=None, receipt=False
        )
        session.flush()
        session.add(make_dispute(payment))


def closings() -> list[YearClosing]:
    found = list(YearClosing.here().all(order_by=YearClosing.id))
    db.session.rollback()
    return found


def test_each_figure_opens_postings_that_sum_to_it(client: FlaskClient, national: str) -> None:
    post(50_000, date(LAST, 5, 1))
    post(7_000, date(LAST, 6, 1), 2)
    post(300, date(LAST - 1, 6, 1))
    client.post(f"{national}fiscal-years/{LAST}/closing")
    statement = client.get(f"{national}income-statement/?as_of={LAST}-12-31").text
    assert "$430.00" in statement and "$3.00" in statement
    seen = figures(statement)
    assert [amount for amount, _ in seen] == ["$500.00", "$3.00", "$70.00", "$0.00"]
    for amount, address in seen:
        opened = client.get(address).text
        assert f"<dd>{amount}</dd>" in opened, address
    sheet = client.get(f"{national}balance-sheet/?as_of={LAST}-12-31").text
    assert "3000 Net assets" in sheet
    for amount, address in figures(sheet):
        assert amount in client.get(address).text, address
    assert "not closed" in client.get(f"{national}balance-sheet/?as_of={LAST}-12-30").text
    rows = client.get(f"{national}income-statement/?as_of={LAST}-12-31&format=csv").text.splitlines()
    assert rows[-1] == "result,,Result,43000,430.00,300,3.00,USD"


def figures(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<a href="([^"]+)">([^<]+)<span class="hidden-visually">[^<]*open the postings', page)
    return [(unescape(amount), unescape(address)) for address, amount in found]


def test_a_year_is_closed_and_opened_again_with_a_reason(client: FlaskClient, national: str) -> None:
    post(50_000, date(LAST, 5, 1))
    here = f"{national}fiscal-years/{LAST}/"
    assert "Documents and books agree" in client.get(here).text
    client.post(f"{here}closing")
    shown = client.get(here).text
    assert "$500.00" in shown and "Open again" in shown
    refused = client.post(f"{here}reopening", data={"reason": " "})
    assert refused.status_code == 422
    client.post(f"{here}reopening", data={"reason": "A statement was missing"})
    [closing] = closings()
    assert closing.reopening_reason == "A statement was missing"
    assert client.get(f"{here}reopening").status_code == 404
    assert "reopened" in client.get(f"{national}audit-trail/").text


def test_what_is_open_is_counted_opens_its_list_and_needs_a_reason(
    client: FlaskClient, national: str, organization: Organization
) -> None:
    disputed()
    here = f"{national}fiscal-years/{LAST}/"
    shown = client.get(here).text
    assert "1 open" in shown and "/disputes/?show=open" in shown
    refused = client.post(f"{here}closing", data={"reason": ""})
    assert refused.status_code == 422 and "Something is still open" in refused.text
    client.post(f"{here}closing", data={"reason": "The bank decides in March"})
    assert [one.reason for one in closings()] == ["The bank decides in March"]


def test_a_running_year_is_not_closed(client: FlaskClient, national: str, organization: Organization) -> None:
    here = f"{national}fiscal-years/{organization.today.year}/"
    assert "once its last day is over" in client.get(here).text
    assert client.post(f"{here}closing").status_code == 409
    assert client.get(f"{national}fiscal-years/9999/").status_code == 404


def test_months_that_are_closed_already_ask_an_admin_why(
    client: FlaskClient, national: str, admin: Login
) -> None:
    post(50_000, date(LAST, 5, 1))
    with transaction() as session:
        session.add(ClosedSpan(starts_on=date(LAST, 1, 1), ends_on=date(LAST, 12, 31), closed_by_id=admin.id))
    here = f"{national}fiscal-years/{LAST}/closing"
    asked = client.post(here)
    assert asked.status_code == 409 and "The books are closed" in asked.text
    client.post(here, data={"closed_books": "anyway", "override_reason": "Closed month by month"})
    assert [one.result for one in closings()] == [50_000]


def test_fiscal_years_begin_with_the_month_that_is_set(client: FlaskClient, national: str) -> None:
    client.post(f"{national}fiscal-years/", data={"month": "7"})
    assert f"{LAST - 1}–{LAST % 100}" in client.get(f"{national}fiscal-years/{LAST - 1}/").text
    statement = client.get(f"{national}income-statement/?as_of={LAST}-06-30").text
    assert f"Fiscal year {LAST - 1}–{LAST % 100}" in statement


def test_a_program_reads_closes_and_opens(office: Program) -> None:
    post(50_000, date(LAST, 5, 1))
    assert office.patch("fiscal-years/", {"begin_in_month": 1}).json == {"begin_in_month": 1, "closed": []}
    read = office.get(f"fiscal-years/checklist/?year={LAST}").json
    assert (read["ends_on"], {one["count"] for one in read["checks"]}) == (f"{LAST}-12-31", {0})
    told = office.post("fiscal-years/", {"year": LAST}).json
    assert (told["year"], told["result"], told["reason"]) == (LAST, 50_000, None)
    assert office.get("fiscal-years/").json["closed"] == [told]
    statement = office.get(f"reports/income-statement/?as_of={LAST}-12-31").json
    assert (statement["result"], statement["income"][0]["now"]) == (50_000, 50_000)
    sheet = office.get(f"reports/balance-sheet/?as_of={LAST}-12-31").json
    assert sheet["total_assets"] == sheet["total_liabilities"] + sheet["total_equity"] == 50_000
    assert (
        "4000,Dues income,500.00"
        in office.get(f"reports/income-statement/?as_of={LAST}-12-31&format=csv").text
    )
    assert office.patch("fiscal-years/", {"begin_in_month": 7}).status_code == 409
    address = f"fiscal-years/{told['id']}/reopening"
    assert office.post(address, {"reason": "A statement was missing"}).json["reopened_at"]
    assert office.post(address, {"reason": "Again"}).status_code == 409
