"""Markup in every text there is stays text: on pages, in fragments, mails, letters and files."""

import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.security.forms import Offered
from tests.services import Database
from tests.web.hostile import CARRIED_OUT, MARK, PAYLOAD, TARGETS, sow
from tests.web.world import ADMIN, AUDITOR, MEMBER, TREASURER, World, enter, rules
from webapp.core.db import db

ADDRESSES = {"href", "src", "action", "formaction", "hx-get", "hx-post", "hx-push-url", "poster", "data"}
FOLLOWED = {"hx-on", "hx-vals", "hx-headers", "hx-vars", "hx-ext", "hx-include", "hx-target", "hx-select"}


class Harm(HTMLParser):
    """Elements, attributes and addresses that no template of ours has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == MARK:
            self.found.append("an element")
        self._script = tag == "script"
        for name, value in attrs:
            text = (value or "").strip().lower()
            if name.startswith(("on", "hx-on", MARK)) or (name in FOLLOWED and MARK in text):
                self.found.append(f"{tag} {name}")
            if name in ADDRESSES and text.startswith(("javascript:", "vbscript:", "data:text")):
                self.found.append(f"{tag} {name} leads to {text[:30]}")

    def handle_data(self, data: str) -> None:
        if self._script and "alert(1)" in data:
            self.found.append("a script")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


@pytest.fixture
def sown(world: World, database: Database) -> list[str]:
    db.session.rollback()
    return sow(database)


def test_the_reader_knows_harm_when_it_sees_it() -> None:
    assert Harm(PAYLOAD).found
    assert Harm(f'<a title="{PAYLOAD}">').found
    assert Harm(f"<a title='{PAYLOAD}'>").found
    assert [Harm(f'<a href="{target}">').found != [] for target in TARGETS] == [True, True]


def whole_and_fragment(client: FlaskClient, address: str, *, doubting: bool) -> Iterator[TestResponse]:
    """The fragment only where the answer says that there is one, unless that is in doubt."""
    whole = client.get(address)
    yield whole
    if doubting or "HX-Request" in whole.vary:
        swap = client.get(address, headers={"HX-Request": "true"})
        yield swap
        tells = "HX-Request" in whole.vary or whole.status_code == 303
        assert tells or looks(swap) == looks(whole), f"{address} does not say that it varies"


def looks(answer: TestResponse) -> tuple[int, bool]:
    return answer.status_code, b"<html" in answer.data


@pytest.mark.case("A6")
@pytest.mark.parametrize("who", [ADMIN, TREASURER, AUDITOR, MEMBER])
def test_no_text_in_the_database_becomes_markup_on_a_page_or_in_a_fragment(
    app: Flask, client: FlaskClient, world: World, sown: list[str], who: str
) -> None:
    enter(client, world.logins[who])
    harm, shown = [], 0
    for rule in rules(app, "GET"):
        for answer in whole_and_fragment(client, world.address(rule), doubting=who == ADMIN):
            if answer.status_code >= 500:
                harm.append(f"{answer.status_code} {rule.rule}")
            if answer.mimetype == "text/html":
                shown += MARK in answer.text
                harm += [f"{rule.rule}: {found}" for found in Harm(answer.text).found]
                harm += [f"{rule.rule}: a template was carried out"] * (CARRIED_OUT in answer.text)
    assert harm == []
    assert shown >= {ADMIN: 60, TREASURER: 20, AUDITOR: 50, MEMBER: 8}[who]


@pytest.mark.case("A6")
def test_the_seeds_lie_in_every_text_that_people_write(sown: list[str]) -> None:
    written = {
        "organizations.name", "organizations.address", "organizations.how_to_pay", "chapters.name",
        "members.first_name", "members.last_name", "members.address", "member_statuses.label",
        "billing_periods.name", "assessment_schedules.name", "invoice_lines.description", "logins.name",
        "payment_processors.name", "roster_imports.file_name", "audit_entries.by_name",
        "journal_entries.description",
    }  # fmt: skip
    assert written - set(sown) == set()


@pytest.mark.case("A6")
@pytest.mark.parametrize("target", TARGETS)
def test_no_text_becomes_the_address_of_a_link(
    app: Flask, client: FlaskClient, world: World, database: Database, target: str
) -> None:
    db.session.rollback()
    sow(database, target)
    enter(client, world.logins[ADMIN])
    for rule in rules(app, "GET", "national", "account"):
        answer = client.get(world.address(rule))
        if answer.mimetype == "text/html":
            assert Harm(answer.text).found == [], rule.rule


@pytest.mark.case("A6")
def test_what_comes_back_from_a_form_or_a_search_is_text_too(
    app: Flask, client: FlaskClient, world: World, offered: Offered
) -> None:
    enter(client, world.logins[ADMIN])
    harm = []
    names = ("q", "status", "period", "sort", "since", "due_before", "role", "kind")
    asked = urlencode(dict.fromkeys(names, PAYLOAD[:150]))
    for rule in rules(app, "GET", "national", "treasurers", "public", "visitors"):
        address = world.address(rule)
        answer = client.get(f"{address}{'&' if '?' in address else '?'}{asked}")
        if answer.mimetype != "text/html":
            continue
        harm += [f"{rule.rule}: {found}" for found in Harm(answer.text).found]
    for form in offered(ADMIN, "national"):
        kept = {"csrf_token", "form_key", "seen"}
        typed = {name: value if name in kept else PAYLOAD for name, value in form.fields.items()}
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.post(form.action, data=typed, headers=headers)
            assert answer.status_code < 500, form.action
            harm += [f"{form.action}: {found}" for found in Harm(answer.text).found]
    assert harm == []


@pytest.mark.case("A6", "A13")
def test_a_letter_prints_the_markup(client: FlaskClient, world: World, sown: list[str]) -> None:
    enter(client, world.logins[ADMIN])
    home = f"/o/{world.organization.slug}/national"
    letter = client.get(f"{home}/invoices/{world.ids['invoice_id']}/pdf")
    assert letter.status_code == 200
    read = subprocess.run(["pdftotext", "-", "-"], input=letter.data, capture_output=True, check=True)
    words = "".join(read.stdout.decode().split())
    assert f"<{MARK}onload=alert(1)" in words and CARRIED_OUT not in words
