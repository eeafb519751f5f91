"""How long an answer takes says no more than the answer: five hundred tries at each door, on loopback."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import pairwise
from random import Random
from statistics import median
from time import perf_counter
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from tests import factories
from tests.web.world import enter
from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login, Organization, RoleName, invitations
from webapp.web.limits import limiter

PAIRS = 250


@dataclass(frozen=True)
class Try:
    """What a stranger sends: a form, or nothing but the address."""

    path: str
    form: tuple[tuple[str, str], ...] = ()
    cookie: str = ""

    def seconds(self, port: int) -> float:
        limiter.reset()
        headers = {"Host": "localhost", "Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"Cookie": self.cookie} if self.cookie else {}
        sent = ("POST", urlencode(self.form)) if self.form else ("GET", None)
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        began = perf_counter()
        connection.request(sent[0], self.path, sent[1], headers)
        answer = connection.getresponse()
        answer.read()
        took = perf_counter() - began
        connection.close()
        assert answer.status in (200, 404, 422), self
        return took


def about(path: str, known: Login, **fields: str) -> list[Try]:
    return [
        Try(path, (("email", str(email)), *fields.items())) for email in (known.email, "nobody@example.org")
    ]


def a_password(organization: Organization) -> list[Try]:
    admin = factories.make_admin()
    with transaction():
        admin.choose_password("plum ladder seventeen otters")
    return about("/", admin, password="not the password")


def a_sign_in_link(organization: Organization) -> list[Try]:
    member = factories.make_login("Ana Núñez")
    person = factories.make_member(factories.make_chapter(), factories.make_status())
    factories.make_role(member, RoleName.MEMBER, member=person)
    return about("/sign-in-links/", member)


def a_new_password(organization: Organization) -> list[Try]:
    return about("/password-reset", factories.make_admin())


def half_of(path: str, token: str) -> list[Try]:
    """One whose beginning is right, and one of which nothing is."""
    wrong = "A" * (len(token) // 2)
    return [Try(f"{path}/{token[: -len(wrong)]}{wrong}"), Try(f"{path}/{wrong}{token[len(wrong) :]}")]


def a_pay_link(organization: Organization) -> list[Try]:
    token = pay_link.token(factories.make_invoice(), wiring.settings().secret_key)
    return half_of(f"/o/{organization.slug}/pay", token)


def an_invitation(organization: Organization) -> list[Try]:
    secret = wiring.settings().secret_key
    with transaction():
        invited = invitations.invite("ruth@example.org", RoleName.AUDITOR, by=None, secret=secret)
    return half_of(f"/o/{organization.slug}/invitations", invitations.token(invited, secret))


@pytest.fixture
def theirs(organization: Organization) -> Invoice:
    """Of another organization."""
    other = factories.make_organization("Sigma Tau")
    with tenancy.acting_for(other.id):
        factories.found(other)
        return factories.make_invoice()


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server.server_port
    server.shutdown()
    serving.join()


@pytest.mark.soak
@pytest.mark.case("A10")
@pytest.mark.parametrize(
    "door",
    [a_password, a_sign_in_link, a_new_password, a_pay_link, an_invitation],
    ids=lambda door: door.__name__,
)
def test_the_difference_is_smaller_than_from_one_try_to_the_next(
    organization: Organization, port: int, door: Callable[[Organization], list[Try]]
) -> None:
    assert_alike(door(organization), port)


@pytest.mark.soak
@pytest.mark.case("A1")
@pytest.mark.parametrize("page", ["invoices/{}", "invoices/{}/pdf", "invoices/{}/voiding"])
def test_an_id_of_another_organization_takes_as_long_as_one_that_nobody_has(
    organization: Organization, client: FlaskClient, theirs: Invoice, port: int, page: str
) -> None:
    enter(client, factories.make_admin())
    session = client.get_cookie(current_app.config["SESSION_COOKIE_NAME"])
    assert session is not None
    home = f"/o/{organization.slug}/national"
    asked = [f"{home}/{page.format(row_id)}" for row_id in (theirs.id, uuid4())]
    assert_alike([Try(path, cookie=f"{session.key}={session.value}") for path in asked], port)


def assert_alike(tries: list[Try], port: int) -> None:
    db.session.rollback()
    for one in tries * 5:
        one.seconds(port)

    took: dict[Try, list[float]] = {one: [] for one in tries}
    chance = Random(10)
    for _ in range(PAIRS):
        for one in chance.sample(tries, 2):
            took[one].append(one.seconds(port))

    known, unknown = took.values()
    noise = median(abs(later - before) for kind in took.values() for before, later in pairwise(kind))
    difference = abs(median(known) - median(unknown))
    said = f"{1000 * difference:.3f} ms of {1000 * median(known):.1f}, noise {1000 * noise:.3f} ms"
    print(f"{tries[0].path}: {said}")
    assert difference < noise, said
