"""Sessions end when somebody entitled says so, and every coming in stands in the log."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, update

from tests.web.world import ADMIN, MEMBER, TREASURER, World, enter
from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.domain.organizations import Login, LoginSession, sessions
from webapp.web import logs

PASSWORD = "plum ladder seventeen otters"


@pytest.fixture
def lines(app: Flask, capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    logs.configure("INFO", readable=False)
    yield lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines() if line[:1] == "{"]
    logs.configure(app.config["SETTINGS"].log_level, readable=True)


def with_password(login: Login) -> Login:
    with transaction() as session:
        session.get_one(Login, login.id).choose_password(PASSWORD)
    return login


def test_signing_in_and_failing_to_are_logged_with_how(client: FlaskClient, world: World, lines: Any) -> None:
    login = with_password(world.logins[TREASURER])

    client.post("/", data={"email": login.email, "password": "not the right one"})
    client.post("/", data={"email": login.email, "password": PASSWORD})

    refused, entered = [line for line in lines() if line["event"] in ("sign_in_refused", "signed_in")]
    assert (refused["event"], refused["address"]) == ("sign_in_refused", "127.0.0.1")
    assert (entered["login_id"], entered["methods"]) == (str(login.id), ["password"])
    assert refused["request_id"] and entered["timestamp"].endswith("Z")


@pytest.mark.parametrize("which", ["one", "others"])
def test_ending_a_session_from_afar_asks_who_is_there(client: FlaskClient, world: World, which: str) -> None:
    login = with_password(world.logins[MEMBER])
    enter(client, login)
    with transaction():
        sessions.start(login, sessions.FOR_MEMBERS)
        db.session.execute(update(LoginSession).values(confirmed_at=func.now() - timedelta(minutes=20)))
    afar = next(one for one in sessions.open_ones(login) if one.browser is None)
    path = {"one": f"/account/sessions/{afar.id}/end", "others": "/account/sessions/end"}[which]

    asked = client.post(path)

    assert asked.status_code == 403 and "Confirm it" in asked.text
    assert len(sessions.open_ones(login)) == 2


def test_the_operator_signs_somebody_out_everywhere(app: Flask, client: FlaskClient, world: World) -> None:
    login = world.logins[ADMIN]
    enter(client, login)
    slug = world.organization.slug

    done = app.test_cli_runner().invoke(
        args=["people", "sign-out", slug, login.email, "--reason", "Lost laptop"]
    )
    nobody = app.test_cli_runner().invoke(args=["people", "sign-out", slug, "nobody@example.org"])

    assert done.exit_code == 0, done.output
    assert client.get(f"/o/{slug}/national/").status_code == 303
    assert nobody.exit_code == 1 and "Nobody with the address" in nobody.output
    with tenancy.acting_for(world.organization.id):
        entry = db.session.scalars(AuditEntry.here().select(AuditEntry.action == "signed_out")).one()
    assert (entry.subject_id, entry.reason, entry.by_name) == (login.id, "Lost laptop", "Duesbook")
