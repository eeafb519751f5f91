"""A crawler that goes everywhere as everybody, and what it must never find."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit
from uuid import UUID

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect, Rule
from werkzeug.test import TestResponse

from tests.architecture.test_routes import assert_sealed
from tests.lines import Lines
from tests.statements import gives_away, statements
from tests.web.world import (
    ADMIN,
    ANYBODY,
    AUDITOR,
    MEMBER,
    NEIGHBOUR,
    STRANGER,
    TREASURER,
    World,
    built,
    enter,
    rules,
)
from webapp.core import tenancy
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login

EVERYBODY = [ADMIN, TREASURER, NEIGHBOUR, AUDITOR, MEMBER, STRANGER, ANYBODY]
FINE, ELSEWHERE, REFUSED, HIDDEN = {200}, {303}, {403}, {404}
LEADS_ON = {"national.search", "account.authenticator_app"}
OWN = {"account.passkey": {ADMIN}, "own.draft": {ADMIN}, "approvals.request": {ADMIN, AUDITOR, TREASURER}}
"""Whose the thing is that the tests' world has there; to everybody else it is not there."""
EITHER_WAY = {200, 303, 404, 409}

ALLOWED: dict[str, dict[str, set[int]]] = {
    "national": {
        ADMIN: FINE, AUDITOR: FINE, TREASURER: REFUSED, NEIGHBOUR: REFUSED, MEMBER: REFUSED,
        STRANGER: HIDDEN, ANYBODY: ELSEWHERE,
    },
    "treasurers": {
        ADMIN: FINE, AUDITOR: FINE, TREASURER: FINE, NEIGHBOUR: REFUSED, MEMBER: HIDDEN,
        STRANGER: HIDDEN, ANYBODY: ELSEWHERE,
    },
    "members": {
        ADMIN: REFUSED, AUDITOR: REFUSED, TREASURER: REFUSED, NEIGHBOUR: REFUSED, MEMBER: FINE,
        STRANGER: HIDDEN, ANYBODY: ELSEWHERE,
    },
    "approvals": dict.fromkeys(EVERYBODY, FINE) | {STRANGER: HIDDEN, ANYBODY: ELSEWHERE},
    "own": dict.fromkeys(EVERYBODY, FINE) | {STRANGER: HIDDEN, ANYBODY: ELSEWHERE},
    "visitors": dict.fromkeys(EVERYBODY, FINE),
    "account": dict.fromkeys(EVERYBODY[:-1], FINE) | {ANYBODY: ELSEWHERE},
    "public": dict.fromkeys(EVERYBODY, EITHER_WAY),
}  # fmt: skip
"""Who gets which answer to a GET, by the gate the address stands behind."""

FILES = {ADMIN: 20, AUDITOR: 20, TREASURER: 5}
"""How many lists are offered as a file, at least."""
READING_ONLY = {200, 303}
BEHIND_GATES = "national", "treasurers", "members", "approvals", "visitors", "account"
NO_IDS = ("days", "year")
"""Numbers in addresses that every organization has."""
TELLS_NOTHING = {"visitors.create_new_link"}
"""Answers everybody alike, whether the link was ever one (tests/web/public/test_new_link.py)."""


BOOKKEEPING = re.compile(r"UPDATE (login_sessions SET last_seen_at|invoices SET first_opened_at)")
"""What reading may write: when a session was last used, and when an invoice was first looked at."""

WRITES = re.compile(
    r"\b(INSERT INTO|DELETE FROM|TRUNCATE|(?<!FOR )(?<!NO KEY )UPDATE \w+ SET|nextval|COPY)\b"
)


def person(who: str, world: World, elsewhere: World) -> Any:
    return elsewhere.logins[ADMIN] if who == STRANGER else world.logins.get(who)


def expected(rule: Rule, who: str) -> set[int]:
    """What this person gets at a GET."""
    allowed = ALLOWED[gate(rule)][who]
    if allowed == FINE and who not in OWN.get(rule.endpoint, {who}):
        return HIDDEN
    return ELSEWHERE if allowed == FINE and rule.endpoint in LEADS_ON else allowed


def gate(rule: Rule) -> str:
    return rule.endpoint.partition(".")[0]


@pytest.mark.case("A1", "A4", "A17")
@pytest.mark.parametrize("who", EVERYBODY)
def test_everybody_sees_what_the_gate_says_sealed_in_sound_html_with_links_that_lead_somewhere(
    app: Flask, client: FlaskClient, world: World, elsewhere: World, who: str
) -> None:
    """Every text says its encoding, every answer its kind, and reading writes nothing."""
    enter(client, person(who, world, elsewhere))
    walk = Walk(app)
    for rule in rules(app, "GET"):
        walk.go_to(
            world.address(rule), expected(rule, who), asks_to_sign_in=ALLOWED[gate(rule)][who] == ELSEWHERE
        )
    for address in ("/", "/password-reset"):
        walk.go_to(address, READING_ONLY)

    for address, allowed, asks_to_sign_in in walk.waiting:
        with statements() as sent:
            answer = client.get(address)
        assert_sealed(answer, address)
        if answer.status_code not in allowed:
            walk.faults.append(f"{answer.status_code} {address}")
        walk.faults += [f"{address}: {fault}" for fault in (*written(sent), *vague(answer), *no_file(answer))]
        if asks_to_sign_in:
            assert urlsplit(answer.location).path == "/", address
        if is_page(answer) and "/mailbox/" not in address:
            walk.look_at(address, answer.text)

    assert sorted(set(walk.faults)) == []
    assert sum("format=csv" in address for address, *_ in walk.waiting) >= FILES.get(who, 0)


@pytest.mark.case("A1")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", [ADMIN, TREASURER, AUDITOR, MEMBER])
def test_an_id_of_another_organization_is_nothing_here(
    app: Flask,
    client: FlaskClient,
    world: World,
    elsewhere: World,
    written: Lines,
    method: str,
    who: str,
) -> None:
    """Nothing but the log tells that there is such a row, and it has a line for each try."""
    enter(client, world.logins[who])
    nothing = {404} if who == ADMIN else {403, 404}

    found = []
    for rule in rules(app, method, *BEHIND_GATES):
        theirs = nothing | {403} if gate(rule) == "members" else nothing
        for name in rule.arguments - {"org", "chapter", "token", *NO_IDS}:
            row_id = elsewhere.ids[name]
            ask = partial(asked_for, client, world, rule, method, name)
            status = ask(row_id).status_code
            if status not in theirs:
                found.append(f"{status} {rule.rule} with another's {name}")
            if not is_noted(written()[-1], rule, row_id, world.logins[who]):
                found.append(f"{rule.rule} with another's {name} is not in the log")
            if status == 404:
                found += [f"{rule.rule} {name}: {told}" for told in gives_away(ask, row_id)]

    assert found == []


@pytest.mark.case("A1")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", [ADMIN, TREASURER, AUDITOR, MEMBER])
def test_a_link_of_another_organization_is_nothing_here(
    app: Flask, client: FlaskClient, world: World, elsewhere: World, method: str, who: str
) -> None:
    enter(client, world.logins[who])
    linked = [rule for rule in rules(app, method, *BEHIND_GATES) if "token" in rule.arguments]
    theirs = elsewhere.links["visitors.pay"]
    told = {rule.endpoint: client.open(world.address(rule, token=theirs), method=method) for rule in linked}
    assert {name for name, answer in told.items() if answer.status_code != 404} <= TELLS_NOTHING


def asked_for(
    client: FlaskClient, world: World, rule: Rule, method: str, name: str, row_id: UUID
) -> TestResponse:
    return client.open(world.address(rule, **{name: row_id}), method=method)


def is_noted(line: dict[str, Any], rule: Rule, row_id: UUID, login: Login) -> bool:
    """Who tried, what, with which id, and how it was refused."""
    refusal = {403: "not-allowed", 404: "not-found"}.get(line["status"])
    said = line["endpoint"], line["problem"], line["login_id"]
    return str(row_id) in line.get("asked", []) and said == (rule.endpoint, refusal, str(login.id))


@pytest.mark.case("A1")
def test_a_member_opens_no_invoice_of_another_member(
    app: Flask, client: FlaskClient, world: World, elsewhere: World
) -> None:
    enter(client, world.logins[MEMBER])
    with tenancy.acting_for(world.organization.id):
        other = Invoice.here().first(Invoice.member_id != world.ids["member_id"])
    assert other is not None

    for method in ("GET", "POST"):
        for rule in rules(app, method, "members"):
            if "invoice_id" in rule.arguments:
                answer = client.open(world.address(rule, invoice_id=other.id), method=method)
                assert answer.status_code == 404, rule.rule


@pytest.mark.case("A1")
def test_another_organizations_id_in_a_filter_brings_no_row_of_theirs(
    app: Flask, client: FlaskClient, world: World, elsewhere: World
) -> None:
    enter(client, world.logins[ADMIN])
    foreign = {name: str(elsewhere.ids[f"{name}_id"]) for name in ("member", "chapter", "period")}
    queries = [
        *({name: value} for name, value in foreign.items()),
        {"after": str(elsewhere.ids["invoice_id"])},
    ]

    own = {name: world.ids[name] for name in ("org", "chapter")}
    for rule in rules(app, "GET", "national", "treasurers", "approvals"):
        if rule.arguments <= own.keys():
            for query in queries:
                answer = client.get(f"{built(rule, own)}?{urlencode(query)}")
                assert answer.status_code < 500, f"{rule.rule} {query}"
                assert b"Sigma Tau" not in answer.data, f"{rule.rule} {query}"


@pytest.mark.case("A4")
@pytest.mark.parametrize("who", [AUDITOR, NEIGHBOUR, MEMBER, STRANGER, ANYBODY])
def test_whoever_may_not_change_a_thing_is_refused_every_form(
    app: Flask, client: FlaskClient, world: World, elsewhere: World, who: str
) -> None:
    enter(client, person(who, world, elsewhere))
    expected = {AUDITOR: {403}, NEIGHBOUR: {403}, MEMBER: {403, 404}, STRANGER: {404}, ANYBODY: {303}}[who]

    wrong = []
    for rule in rules(app, "POST", "national", "treasurers"):
        status = client.post(world.address(rule)).status_code
        if status not in expected:
            wrong.append(f"{status} {rule.rule}")

    assert wrong == []


@pytest.mark.case("A4")
def test_a_treasurer_is_refused_every_form_of_the_national_office(
    app: Flask, client: FlaskClient, world: World
) -> None:
    enter(client, world.logins[TREASURER])
    wrong = [
        rule.rule
        for rule in rules(app, "POST", "national")
        if client.post(world.address(rule)).status_code != 403
    ]
    assert wrong == []


def written(sent: list[str]) -> Iterator[str]:
    for statement in sent:
        if WRITES.search(statement) and not BOOKKEEPING.match(statement):
            yield statement[:80]


def vague(answer: TestResponse) -> Iterator[str]:
    kind = answer.headers.get("Content-Type", "")
    if answer.data and (not kind or (kind.startswith("text/") and "charset=utf-8" not in kind.lower())):
        yield f"is of the kind {kind!r}"


def no_file(answer: TestResponse) -> Iterator[str]:
    """A list that offers a file gives one."""
    if answer.request.args.get("format") != "csv" or answer.status_code != 200:
        return
    if answer.mimetype != "text/csv" or "," not in answer.text.splitlines()[0]:
        yield f"gives {answer.mimetype}"


class Page(HTMLParser):
    """What a page says about itself: ids, headings, links, forms."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.headings, self.lang, self.title = 0, "", ""
        self.links: list[str] = []
        self.forms: list[dict[str, Any]] = []
        self._in_title = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.ids.append(found["id"])
        self.headings += tag == "h1"
        self._in_title = self._in_title or (tag == "title" and not self.title)
        if tag == "html":
            self.lang = found.get("lang", "")
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "form":
            self.forms.append(
                {"method": found.get("method", "get"), "action": found.get("action", ""), "fields": set()}
            )
        if self.forms and "name" in found:
            self.forms[-1]["fields"].add(found["name"])

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "title"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data.strip()

    def faults(self) -> Iterator[str]:
        if self.headings != 1:
            yield f"{self.headings} h1"
        if not self.title:
            yield "no title"
        if not self.lang:
            yield "no language"
        for name, times in Counter(self.ids).items():
            if times > 1:
                yield f"id {name} {times} times"
        for form in self.forms:
            if form["method"].lower() == "post" and "csrf_token" not in form["fields"]:
                yield f"a form to {form['action']} without a CSRF token"


VALUES, WORDS = re.compile(r'(?<! type)="[^"<&]*"'), re.compile(r"(?<=>)[^<&]*[^<&\s][^<&]*(?=<)")


def parse_faults(text: str) -> list[str]:
    """Words and values without references change nothing of how a page is built."""
    return built_faults(WORDS.sub("word", VALUES.sub('=""', text)))


@cache
def built_faults(text: str) -> list[str]:
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(text)
    return [f"{code} at {place}" for place, code, _ in parser.errors]


def is_page(answer: TestResponse) -> bool:
    return answer.mimetype == "text/html" and answer.status_code == 200


class Walk:
    """Where to go next, and what was wrong on the way. A page's links are followed, one of each shape."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.waiting: list[tuple[str, set[int], bool]] = []
        self.faults: list[str] = []
        self._seen: set[tuple[str, ...]] = set()

    def go_to(self, address: str, allowed: set[int], *, asks_to_sign_in: bool = False) -> None:
        self._seen.add(shape(self.app, address))
        self.waiting.append((address, allowed, asks_to_sign_in))

    def look_at(self, address: str, text: str) -> None:
        page = Page(text)
        found = [*page.faults(), *parse_faults(text)]
        found += [f"form to {form['action']}" for form in page.forms if not leads(self.app, form, address)]
        self.faults += [f"{address}: {fault}" for fault in found]
        for link in page.links:
            target = urlsplit(urljoin(f"http://localhost{address}", link))
            wanted = target.path + (f"?{target.query}" if target.query else "")
            if target.netloc == "localhost" and shape(self.app, wanted) not in self._seen:
                self.go_to(wanted, READING_ONLY)


def shape(app: Flask, address: str) -> tuple[str, ...]:
    """Addresses of one shape lead to one view in one manner; a crawler need not go to each row of a list."""
    target = urlsplit(address)
    try:
        endpoint, _ = app.url_map.bind("localhost").match(target.path)
    except HTTPException:
        return (address,)
    manner = (
        f"{name}={value}" if name in ("sort", "format") else name for name, value in parse_qsl(target.query)
    )
    return (str(endpoint), *sorted(manner))


def leads(app: Flask, form: dict[str, Any], page: str) -> bool:
    """Whether some view answers what the form sends, where it sends it."""
    if form["method"] == "dialog":
        return True
    path = urlsplit(urljoin(f"http://localhost{page}", form["action"])).path
    try:
        app.url_map.bind("localhost").match(path, method=form["method"].upper())
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True
