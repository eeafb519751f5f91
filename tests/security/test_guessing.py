"""Guessing at passwords and codes, and what the answers give away."""

from statistics import median
from time import perf_counter

import pyotp
import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.statements import statements
from webapp import wiring
from webapp.core import clock
from webapp.core.db import transaction
from webapp.domain.organizations import AuthenticatorApp, Login
from webapp.web.limits import limiter

PASSWORD = "plum ladder seventeen otters"


@pytest.fixture(autouse=True)
def _counters_start_at_zero(app):
    limiter.reset()


@pytest.fixture
def admin(organization) -> Login:
    login = factories.make_admin()
    with transaction():
        login.choose_password(PASSWORD)
        app = AuthenticatorApp.prepare(login, wiring.key_ring())
        app.confirmed_at = clock.now()
    return login


def give_password(client: FlaskClient, login: Login):
    return client.post("/", data={"email": login.email, "password": PASSWORD})


def code_of(login: Login) -> str:
    return pyotp.TOTP(AuthenticatorApp.of(login).reveal(wiring.key_ring())).now()


@pytest.mark.case("A10")
def test_an_unknown_address_takes_as_long_as_a_known_one(client, admin):
    def seconds(email: str) -> float:
        limiter.reset()
        began = perf_counter()
        client.post("/", data={"email": email, "password": "not the password"})
        return perf_counter() - began

    seconds("warm@example.org")
    known, unknown = [], []
    for _ in range(15):
        known.append(seconds(admin.email))
        unknown.append(seconds("nobody@example.org"))

    assert median(unknown) == pytest.approx(median(known), rel=0.35)


@pytest.mark.case("A11")
def test_five_wrong_codes_close_the_second_step_also_to_the_right_one_and_to_another_browser(
    client, admin, app
):
    give_password(client, admin)
    answers = [client.post("/second-factor", data={"code": f"{n:06}"}).status_code for n in range(5)]
    assert answers == [422] * 5

    stopped = client.post("/second-factor", data={"code": code_of(admin)})

    assert stopped.status_code == 429
    assert int(stopped.headers["Retry-After"]) == 900
    elsewhere = app.test_client()
    give_password(elsewhere, admin)
    assert elsewhere.post("/second-factor", data={"code": code_of(admin)}).status_code == 429


@pytest.mark.case("A11")
def test_the_right_password_does_not_forget_wrong_codes(client, admin):
    for number in range(5):
        give_password(client, admin)
        client.post("/second-factor", data={"code": f"{number:06}"})
    give_password(client, admin)

    assert client.post("/second-factor", data={"code": code_of(admin)}).status_code == 429


@pytest.mark.case("A10")
def test_an_unknown_address_costs_the_work_of_a_known_one(client, admin):
    def asked(email: str) -> tuple[int, list[str]]:
        with statements() as sent:
            answer = client.post("/", data={"email": email, "password": "not the password"})
        return answer.status_code, sent

    asked("warm@example.org")
    assert asked(admin.email) == asked("nobody@example.org")


@pytest.mark.case("A8")
@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "/%0d%0aX:y", "/%5cevil.example"]
)
def test_no_step_of_signing_in_leads_to_another_site(client, admin, organization, target):
    asked = client.post("/", data={"email": admin.email, "password": PASSWORD, "next": target})
    assert asked.location == "/second-factor"
    page = client.get("/second-factor", query_string={"next": target}).text
    assert "evil.example" not in page

    arrived = client.post("/second-factor", data={"code": code_of(admin), "next": target})

    assert arrived.location == f"/o/{organization.slug}/national/"


@pytest.mark.case("A7")
def test_the_half_open_session_is_over_once_the_second_step_is_done(client, admin, app):
    give_password(client, admin)
    half = client.get_cookie("duesbook").value
    client.post("/second-factor", data={"code": code_of(admin)})

    thief = app.test_client()
    thief.set_cookie("duesbook", half)
    assert thief.get("/account/places/").status_code == 303
    assert thief.get("/second-factor").location == "/"
