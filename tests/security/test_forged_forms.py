"""Another site, or another session, sends our forms with somebody's cookie."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.security.forms import offered_forms
from tests.security.tables import lasting
from tests.services import Database
from tests.web.world import ADMIN, MEMBER, TREASURER, World, enter, rules


@pytest.fixture
def guarded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of tests: a form needs its token."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)


def token_of(client: FlaskClient) -> str:
    page = client.get("/account/").text
    token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    assert len(token) > 40, page
    return token


@pytest.mark.case("A5")
@pytest.mark.parametrize("who", [ADMIN, MEMBER])
def test_no_form_is_taken_without_this_sessions_token_and_from_another_site(
    app: Flask, client: FlaskClient, world: World, database: Database, guarded: None, who: str
) -> None:
    stranger = enter(app.test_client(), world.logins[TREASURER])
    enter(client, world.logins[who])
    foreign, own = token_of(stranger), token_of(client)
    tries = {
        "no token": ({}, {}),
        "an empty token": ({"csrf_token": ""}, {}),
        "a token of another session": ({"csrf_token": foreign}, {}),
        "a damaged token": ({"csrf_token": own[:-4] + "AAAA"}, {}),
        "a swap without token": ({}, {"HX-Request": "true"}),
        "a cookie in place of the header": ({}, {"Cookie2": own, "X-Requested-With": "XMLHttpRequest"}),
        "another site": ({"csrf_token": own}, {"Sec-Fetch-Site": "cross-site"}),
        "a sister site": ({"csrf_token": own}, {"Sec-Fetch-Site": "same-site"}),
    }
    before = lasting(database)

    taken = []
    for rule in rules(app, "POST"):
        for name, (fields, headers) in tries.items():
            answer = client.post(world.address(rule), data=fields, headers=headers)
            if answer.status_code != 400:
                taken.append(f"{answer.status_code} {rule.rule} with {name}")

    assert taken == []
    assert lasting(database) == before


@pytest.mark.case("A5")
def test_every_form_has_the_token_with_which_it_is_taken(
    app: Flask, client: FlaskClient, world: World, guarded: None
) -> None:
    enter(client, world.logins[ADMIN])
    forms = list(offered_forms(app, client, world, "national", "treasurers", "account"))
    without = [form.action for form in forms if not form.fields.get("csrf_token")]
    assert without == [] and len(forms) >= 40

    named = next(form for form in forms if form.action == "/account/profile")
    assert client.post(named.action, data=named.fields | {"name": "Nora"}).status_code == 303
    by_header = {"X-CSRFToken": token_of(client), "HX-Request": "true"}
    assert client.post(named.action, data={"name": "Nora"}, headers=by_header).status_code == 204
