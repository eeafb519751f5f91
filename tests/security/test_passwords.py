"""Which passwords are good enough, and how they are asked for."""

import re

import pytest
from flask.testing import FlaskClient

from tests.web.world import ADMIN, MEMBER, World, enter
from webapp.core.db import db, transaction
from webapp.domain.organizations import Login, passwords

PASSWORD = "plum ladder seventeen otters"


@pytest.mark.parametrize(
    "easy",
    [
        "1234567890",
        "qwertyuiop",
        "Password123!",
        "iloveyou1234",
        "P@ssw0rd2026",
        "Duesbook2026",
        "treasurer123",
        "fraternity1!",
        "NationalInvoice",
    ],
)
def test_what_many_people_use_or_would_try_here_first_is_refused(easy: str) -> None:
    assert passwords.weakness(easy) is not None


@pytest.mark.parametrize(
    "typed",
    [
        "plumladderseventeen",
        "  blanks around it count  ",
        "großer Käse überall, 東京",
        "Plum Ladder Otters",
        "x9" + "otter-" * 20 + "ladder",
        'quotes " and <tags> & others',
    ],
)
def test_any_characters_will_do_and_it_is_kept_exactly(typed: str) -> None:
    assert passwords.weakness(typed) is None
    stored = passwords.hashed(typed)
    assert passwords.matches(stored, typed)
    for other in (typed.strip() + " ", typed.swapcase(), typed[:-1], typed[:72]):
        assert other == typed or not passwords.matches(stored, other)


def test_a_guess_costs_what_rfc_9106_recommends() -> None:
    assert passwords.hashed(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.hashed_code("1234-5678").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_changing_it_needs_the_current_one(client: FlaskClient, world: World) -> None:
    login = world.logins[MEMBER]
    with transaction() as session:
        session.get_one(Login, login.id).choose_password(PASSWORD)
    enter(client, login)
    new = "another ladder of nineteen plums"

    refused = client.post("/account/password", data={"current": "not the right one", "password": new})
    without = client.post("/account/password", data={"password": new})

    assert (refused.status_code, without.status_code) == (422, 422)
    db.session.expire_all()
    assert db.session.get_one(Login, login.id).has_password(PASSWORD)


@pytest.mark.parametrize(("address", "kinds"), [("/", ["current"]), ("/account/", ["current", "new"])])
def test_password_fields_hide_what_is_typed_and_let_managers_fill_them(
    client: FlaskClient, world: World, address: str, kinds: list[str]
) -> None:
    if address != "/":
        enter(client, world.logins[ADMIN])
    fields = re.findall(r"<input[^>]*name=\"(?:current|password)\"[^>]*>", client.get(address).text)
    assert len(fields) == len(kinds)
    for field, kind in zip(fields, kinds, strict=True):
        assert 'type="password"' in field and f'autocomplete="{kind}-password"' in field
        assert "onpaste" not in field and "value=" not in field.replace('value=""', "")
