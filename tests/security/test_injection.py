"""What means something to a database, a template, a header or a mail server, typed where people type."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.security.filters import noting
from tests.security.forms import Offered
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
Reads = dict[str, set[str]]
"""By addresses: the names of what they read."""
MARK = "sought7191919"
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


@pytest.fixture(scope="session")
def read_before() -> Reads:
    return {}


@pytest.fixture
def reads(app: Flask, client: FlaskClient, world: World, read_before: Reads) -> Reads:
    """To an address that reads nothing, one vector is as good as another."""
    enter(client, world.logins[ADMIN])
    client.get(f"/o/{world.organization.slug}/pay/{world.links['visitors.pay']}")  # notes its first opening
    if not read_before:
        found = []
        for rule in rules(app, "GET", "national", "treasurers", "public", "visitors"):
            address = world.address(rule)
            if "?" in address or rule.rule.endswith("pdf"):
                continue
            with noting(app) as noted:
                answers = [client.get(f"{address}?{urlencode(dict.fromkeys(FILTERS, MARK))}")]
                answers.append(client.get(f"{address}?q={MARK}"))
            if noted.is_taken:
                read_before[address] = noted.names
            found += [fault for answer in answers for fault in faults(answer, rule.rule)]
            assert noted.is_taken or not any(MARK in answer.text for answer in answers), rule.rule
        assert found == []
    return read_before


@pytest.mark.case("A16")
@pytest.mark.parametrize("vector", VECTORS)
def test_no_filter_hands_on_what_it_is_asked_for(
    client: FlaskClient, database: Database, reads: Reads, vector: str
) -> None:
    before, found = lasting(database), []
    for address, names in reads.items():
        asked = urlencode(dict.fromkeys(sorted(names), vector))[:1_900]
        found += faults(client.get(f"{address}?{asked}"), address)
        if "q" in names:
            found += faults(client.get(f"{address}?{urlencode({'q': vector})}"), address)
    assert found == []
    assert len(FILTERS) > 10
    assert len(reads) > 40
    assert lasting(database) == before


@pytest.mark.case("A16")
@pytest.mark.parametrize("vector", VECTORS[1::2])
def test_no_form_hands_on_what_is_typed_into_it(
    app: Flask, client: FlaskClient, world: World, database: Database, offered: Offered, vector: str
) -> None:
    found, kept = [], {"csrf_token", "form_key", "seen"}
    for form in offered(ADMIN, "national", "account", "public"):
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
