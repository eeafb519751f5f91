"""Requests that claim another host: they are refused, and no link ever follows them."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from tests import factories
from tests.jobs import JobRunner
from tests.security.conftest import HOST
from webapp import wiring
from webapp.app import behind_proxies
from webapp.domain.organizations import Organization

OTHERS = [
    "evil.example", "localhost", "127.0.0.1", f"{HOST}:8443", f"{HOST}.evil.example", f"evil.example/{HOST}",
    f"{HOST}@evil.example", f"evil.example@{HOST}", f"{HOST},evil.example", f"{HOST}\\evil.example",
    f"evil.example#{HOST}", "", " ", "[::1]",
]  # fmt: skip


def ask(application: Any, path: str = "/", **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(application).get(path, base_url=f"https://{HOST}", headers=sent)


@pytest.mark.case("A9")
@pytest.mark.parametrize("host", OTHERS)
def test_another_host_is_refused_on_every_page(production: Flask, host: str) -> None:
    for path in ("/", "/password-reset", "/o/pi-chi/national/", "/static/css/base.css", "/nothing"):
        answer = ask(production, path, Host=host)
        assert answer.status_code == 400, path
        assert "evil.example" not in answer.text and "evil.example" not in str(answer.headers)


@pytest.mark.case("A9")
@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL"]
)
def test_what_a_visitor_says_about_forwarding_is_not_believed(production: Flask, header: str) -> None:
    evil = "host=evil.example" if header == "Forwarded" else "evil.example"
    for path, status in (("/", 200), ("/o/pi-chi/national/", 404)):
        answer = ask(production, path, **{header: evil})
        assert answer.status_code == status, path
        assert "evil.example" not in answer.text and "evil.example" not in str(answer.headers)


@pytest.mark.case("A9")
def test_behind_a_proxy_its_word_counts_and_not_the_visitors(production: Flask) -> None:
    behind = behind_proxies(production, 1)
    assert ask(behind, X_Forwarded_Host=HOST, X_Forwarded_Proto="https").status_code == 200
    assert ask(behind, X_Forwarded_Host=f"evil.example, {HOST}").status_code == 200
    assert ask(behind, X_Forwarded_Host="evil.example").status_code == 400
    assert ask(behind, X_Forwarded_Host=f"{HOST}, evil.example").status_code == 400


@pytest.mark.case("A9")
def test_a_mailed_link_leads_to_the_configured_host_whoever_asked_for_it(
    app: Flask, organization: Organization, jobs: JobRunner
) -> None:
    admin = factories.make_admin()
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"}
    answer = app.test_client().post("/password-reset", data={"email": admin.email}, headers=headers)
    assert answer.status_code in (200, 303)
    jobs.run_all()

    folder = wiring.mail_folder()
    mail = next(mail for mail in folder.newest(20) if admin.email in mail.recipient)
    opened = folder.read(mail.name)
    assert f"{wiring.settings().public_url}/password-reset/" in opened.text
    assert "evil.example" not in opened.text + opened.html
