"""What every answer says to browsers, and whom the server believes, as it is in production behind a proxy."""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn.config import Config
from gunicorn.http import RequestParser
from gunicorn.http.errors import ParseException
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import Client, TestResponse

from tests.security.conftest import HOST
from tests.web.world import MEMBER, TREASURER, World, enter
from webapp.app import behind_proxies
from webapp.core.db import transaction
from webapp.domain.organizations import Login, sessions
from webapp.web import logs
from webapp.web.policy_reports import LARGEST

PASSWORD = "four quiet otters juggle"


def ask(app: Flask, path: str, method: str = "GET", *, hops: int = 1, **options: Any) -> TestResponse:
    """As a proxy passes it on."""
    sent = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": HOST,
    }
    client = Client(behind_proxies(app, hops), TestResponse)
    sent |= options.pop("headers", {})
    return client.open(
        path, method=method, headers=sent, environ_base={"REMOTE_ADDR": "192.0.2.1"}, **options
    )


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/css/base.css", "/api/invoices/", "/sign-out"])
def test_in_production_every_answer_is_sealed_for_a_year(production: Flask, path: str) -> None:
    headers = ask(production, path).headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert policy[-2:] == ["report-uri /policy-reports", "report-to policy"]
    assert headers["Reporting-Endpoints"] == 'policy="/policy-reports"'


def test_in_production_every_cookie_is_bound_to_this_host_and_hidden_from_scripts(
    production: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(production.config, "WTF_CSRF_ENABLED", False)
    answers = [
        ask(production, "/sign-in-links/"),
        ask(production, "/sign-in-links/", "POST", data={"email": "nobody@example.org"}),
    ]
    names = set()
    for cookie in [cookie for answer in answers for cookie in answer.headers.getlist("Set-Cookie")]:
        name, _, rest = cookie.partition("=")
        attributes = {part.strip() for part in rest.split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
        assert not any(attribute.startswith("Domain") for attribute in attributes)
        assert len(cookie) < 4096
        names.add(name)
    assert "__Host-duesbook-browser" in names
    assert names <= {"__Host-duesbook", "__Host-duesbook-browser"}


def test_cookies_and_forms_are_sealed_with_sha_256(app: Flask) -> None:
    cookies = app.session_interface.get_signing_serializer(app)
    for serializer in (cookies, URLSafeTimedSerializer("key", salt="wtf-csrf-token")):
        seal = serializer.dumps("anything").rpartition(".")[2]
        assert len(base64.urlsafe_b64decode(seal + "=")) == hashlib.sha256().digest_size


@pytest.mark.parametrize(("hops", "seen"), [(0, "192.0.2.1"), (1, "203.0.113.9")])
def test_only_as_many_proxies_are_believed_as_the_settings_say(
    app: Flask, world: World, hops: int, seen: str
) -> None:
    login = world.logins[TREASURER]
    with transaction() as session:
        session.get_one(Login, login.id).choose_password(PASSWORD)

    ask(
        app,
        "/",
        "POST",
        hops=hops,
        data={"email": login.email, "password": PASSWORD},
        headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"},
    )

    [found] = sessions.open_ones(login)
    assert found.address == seen


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/invoices/", "/static/css/base.css"])
def test_nobody_gets_an_own_request_echoed(client: FlaskClient, path: str) -> None:
    answer = client.open(path, method="TRACE", headers={"X-Canary": "echo"})
    assert answer.status_code in (404, 405) and b"echo" not in answer.data


@pytest.mark.parametrize(
    "path", ["/static/", "/static/css/", "/static/../wsgi.py", "/static/%2e%2e/wsgi.py", "/.git/HEAD"]
)
def test_no_folder_is_listed_and_nothing_beside_the_static_files_is_served(
    client: FlaskClient, path: str
) -> None:
    assert client.get(path).status_code == 404


def test_signing_out_empties_the_browsers_cache(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[MEMBER])
    assert client.post("/sign-out").headers["Clear-Site-Data"] == '"cache"'


@pytest.mark.parametrize(
    "framing",
    [
        [b"Content-Length: 4", b"Content-Length: 5"],
        [b"Content-Length: +4"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 4"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding : chunked"],
    ],
)
def test_a_request_with_two_ends_is_refused(framing: list[bytes]) -> None:
    sent = b"\r\n".join(
        [
            b"POST / HTTP/1.1",
            b"Host: localhost",
            *framing,
            b"",
            b"0",
            b"",
            b"GET /smuggled HTTP/1.1",
            b"",
            b"",
        ]
    )
    with pytest.raises(ParseException):
        next(RequestParser(Config(), iter([sent]), ("127.0.0.1", 1)))


class TestPolicyReports:
    """What a browser says the content policy kept it from doing."""

    OLD = {
        "csp-report": {
            "document-uri": "http://localhost/o/pi-chi/pay/a-secret-in-a-link?more=secrets",
            "effective-directive": "script-src-elem",
            "blocked-uri": "https://evil.example/steal.js?with=secrets",
        }
    }
    NEW = [
        {
            "type": "csp-violation",
            "body": {
                "documentURL": "http://localhost/password-reset",
                "effectiveDirective": "style-src-attr",
                "blockedURL": "inline",
            },
        }
    ]

    @pytest.fixture
    def lines(self, app: Flask, capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
        logs.configure("WARNING", readable=False)
        yield lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines() if line[:1] == "{"]
        logs.configure(app.config["SETTINGS"].log_level, readable=True)

    @pytest.mark.parametrize(
        ("report", "said"),
        [
            (
                OLD,
                {"directive": "script-src-elem", "blocked": "https://evil.example", "page": "visitors.pay"},
            ),
            (NEW, {"directive": "style-src-attr", "blocked": "inline", "page": "public.ask_password_reset"}),
        ],
    )
    def test_it_is_a_line_in_the_log_without_a_links_secret(
        self, client: FlaskClient, lines: Any, report: Any, said: dict[str, str]
    ) -> None:
        answer = client.post(
            "/policy-reports", data=json.dumps(report), content_type="application/csp-report"
        )
        assert answer.status_code == 204
        [line] = lines()
        assert line["event"] == "policy_violated"
        assert {name: line[name] for name in said} == said
        assert "secret" not in json.dumps(line)

    @pytest.mark.parametrize(
        "body", [b"", b"no json", b"{}", b'{"csp-report": 1}', b'[{"body": []}]', b"[" * 50_000]
    )
    def test_nonsense_is_refused(self, client: FlaskClient, lines: Any, body: bytes) -> None:
        assert client.post("/policy-reports", data=body).status_code == 400
        assert lines() == []

    def test_a_flood_of_them_is_stopped(self, client: FlaskClient, lines: Any) -> None:
        body = json.dumps(self.NEW * 50)
        answers = [client.post("/policy-reports", data=body).status_code for _ in range(31)]
        assert answers == [204] * 30 + [429]
        assert len(lines()) == 300
        assert client.post("/policy-reports", data=b" " * (LARGEST + 1)).status_code in (413, 429)


def test_a_refusal_stands_in_the_log_with_its_reason(
    app: Flask, client: FlaskClient, world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    enter(client, world.logins[TREASURER])
    logs.configure("INFO", readable=False)
    client.get(f"/o/{world.organization.slug}/national/people/")
    client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
    logs.configure(app.config["SETTINGS"].log_level, readable=True)

    refused, forged = [
        json.loads(line) for line in capfd.readouterr().err.splitlines() if '"request"' in line
    ]

    assert (refused["status"], refused["problem"]) == (403, "not-allowed")
    assert refused["login_id"] == str(world.logins[TREASURER].id)
    assert (forged["status"], forged["problem"]) == (400, "unreadable")
