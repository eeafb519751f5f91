"""Nobody asks faster than the house can bear; whoever does is told when to go on."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import factories
from tests.processor import Shop
from tests.web.api.conftest import Program, program
from tests.web.api.test_tokens import is_problem
from tests.web.public.test_pay import address
from tests.web.signing_in.steps import RedisAway
from webapp.domain.organizations import Chapter, Organization, RoleName
from webapp.web.limits import limiter


@pytest.fixture(autouse=True)
def _from_zero(app: Flask) -> None:
    limiter.reset()


@pytest.fixture
def slow(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three calls a minute per token, six per address."""
    settings = app.config["SETTINGS"].model_copy(update={"api_calls_per_minute": 3})
    monkeypatch.setitem(app.config, "SETTINGS", settings)


@pytest.fixture
def admin(client: FlaskClient, organization: Organization) -> Program:
    return program(client, organization, RoleName.NATIONAL_ADMIN)


@pytest.mark.case("A11")
def test_a_token_that_calls_too_often_is_told_when_to_go_on(slow: None, admin: Program) -> None:
    first = admin.get("members/")
    assert first.headers["RateLimit-Policy"] == '"token";q=3;w=60'
    assert first.headers["RateLimit"].startswith('"token";r=2;t=')
    assert [admin.get("members/").status_code for _ in range(2)] == [200, 200]
    refused = admin.get("members/")
    assert is_problem(refused, 429, "too-many-requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


@pytest.mark.case("A11")
def test_tokens_are_counted_apart_and_an_address_together(
    slow: None, client: FlaskClient, organization: Organization
) -> None:
    tokens = [program(client, organization, RoleName.AUDITOR) for _ in range(3)]
    answers = [one.get("members/").status_code for one in tokens for _ in range(3)]
    assert answers == [200] * 6 + [429] * 3


@pytest.mark.case("A11")
def test_trying_tokens_is_slowed_down(slow: None, client: FlaskClient, organization: Organization) -> None:
    headers = {"Authorization": "Bearer duesbook_" + "A" * 66}
    answers = [client.get("/api/organizations/", headers=headers).status_code for _ in range(7)]
    assert answers == [401] * 6 + [429]


@pytest.mark.case("A11")
def test_a_pay_link_that_is_hammered_answers_with_a_page_that_says_so(shop: Shop) -> None:
    link = address(shop, shop.owed())
    looks = f"{link}/checkouts/{shop.processor_id}/looks"
    answers: list[Any] = [shop.client.post(looks) for _ in range(121)]
    assert {answer.status_code for answer in answers[:120]} == {404}
    assert answers[120].status_code == 429 and int(answers[120].headers["Retry-After"]) <= 60
    assert "too many requests in a short time" in answers[120].text
    assert shop.client.get(link).status_code == 200


@pytest.mark.case("F5")
def test_while_the_counters_are_away_programs_and_payers_go_on(shop: Shop, admin: Program) -> None:
    link = address(shop, shop.owed())
    with RedisAway():
        called = admin.get("members/")
        paying = shop.client.post(f"{link}/checkouts")
    assert (called.status_code, paying.status_code) == (200, 303)
    assert "RateLimit" not in called.headers


@pytest.mark.case("A22")
def test_somebody_who_is_signed_in_acts_and_takes_files_along_no_faster_than_a_program(
    slow: None, client: FlaskClient, organization: Organization, sign_in: Any
) -> None:
    sign_in(client, factories.make_admin())
    home = f"/o/{organization.slug}/national"
    files = [client.get(f"{home}/invoices/?format=csv").status_code for _ in range(2)]
    assert files == [200, 200]
    assert client.post(f"{home}/chapters/", data={"code": "", "name": ""}).status_code == 422
    refused = client.post(f"{home}/chapters/", data={"code": "BET", "name": "Beta Chapter"})
    assert refused.status_code == 429 and 1 <= int(refused.headers["Retry-After"]) <= 60
    assert Chapter.here().first() is None
    assert client.get(f"{home}/exports/journal?form=csv").status_code == 429
    assert client.get(f"{home}/invoices/").status_code == 200
