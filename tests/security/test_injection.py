"""What means something to a database, a template, a header or a mail server, typed where people type."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.security.forms import offered_forms
from tests.security.tables import lasting
from tests.services import Database
from tests.web.world import ADMIN, World, enter, rules

WEB = Path(__file__).parents[2] / "webapp" / "web"
FILTERS = sorted(
    {name for file in WEB.rglob("*.py") for name in re.findall(r'args\.get\(\s*"(\w+)"', file.read_text())}
)
_TASK = "7654321*7191919"
CARRIED_OUT = str(7654321 * 7191919)
"""Too long to stand in a random id by chance."""
VECTORS = [
    "' OR '1'='1' --",
    "1; DROP TABLE members; --",
    "') UNION SELECT secret_key FROM payment_processors --",
    "\\'; SELECT pg_sleep(5); --",
    "%' AND 1=CAST((SELECT version()) AS int) AND '%'='",
    f"{{{{ {_TASK} }}}}${{{_TASK}}}#{{{_TASK}}}<%= {_TASK} %>{{% for x in [] %}}",
    "{{ config.SECRET_KEY }}{{ ''.__class__.__mro__ }}",
    "a\r\nSet-Cookie: stolen=1\r\n\r\n<html>",
    "a\r\nBcc: all@evil.example\r\n.\r\nMAIL FROM:<x@evil.example>",
    "../../../../etc/passwd\\..\\x",
    "%s%n{0}{0.__class__}\u202e\ufeff😀\ud83d".encode("utf-8", "replace").decode(),
]


def faults(answer: object, where: str) -> list[str]:
    status, text, headers = answer.status_code, answer.get_data(), answer.headers  # type: ignore[attr-defined]
    found = [f"{status} {where}"] if status >= 500 else []
    found += [f"{where}: carried out"] * (CARRIED_OUT.encode() in text)
    found += [f"{where}: a secret"] * (b"only tests know" in text or b"v1." in text)
    found += [f"{where}: a header"] * any("stolen" in cookie for cookie in headers.getlist("Set-Cookie"))
    return found


@pytest.mark.case("A16")
@pytest.mark.parametrize("vector", VECTORS)
def test_no_filter_hands_on_what_it_is_asked_for(
    app: Flask, client: FlaskClient, world: World, database: Database, vector: str
) -> None:
    enter(client, world.logins[ADMIN])
    client.get(
        f"/o/{world.organization.slug}/pay/{world.links['visitors.pay']}"
    )  # notes when it was first opened
    before, found = lasting(database), []
    asked = urlencode(dict.fromkeys(FILTERS, vector))[:1_900]
    for rule in rules(app, "GET", "national", "treasurers", "public", "visitors"):
        address = world.address(rule)
        if "?" in address or rule.rule.endswith("pdf"):
            continue
        found += faults(client.get(f"{address}?{asked}"), rule.rule)
        found += faults(client.get(f"{address}?{urlencode({'q': vector})}"), rule.rule)
    assert found == []
    assert len(FILTERS) > 10
    assert lasting(database) == before


@pytest.mark.case("A16")
@pytest.mark.parametrize("vector", VECTORS[1::2])
def test_no_form_hands_on_what_is_typed_into_it(
    app: Flask, client: FlaskClient, world: World, database: Database, vector: str
) -> None:
    enter(client, world.logins[ADMIN])
    found, kept = [], {"csrf_token", "form_key", "seen"}
    for form in offered_forms(app, client, world, "national", "account", "public"):
        if form.action.endswith("/sessions/end"):
            continue
        for typed in form.fields.keys() - kept:
            answer = client.post(form.action, data=form.fields | {typed: vector, "form_key": typed})
            found += faults(answer, f"{form.action} {typed}")
    assert found == []
    assert "members" in lasting(database)
    for rule in rules(app, "GET", "national"):
        found += faults(client.get(world.address(rule)), rule.rule)
    assert found == []
