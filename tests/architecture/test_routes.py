"""Every address stands behind a gate, and every answer is sealed."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.world import ADMIN, World, enter, rules

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

GATED = {"national", "treasurers", "members", "approvals", "own", "account", "api"}
PUBLIC = {
    "static",
    "health.alive",
    "health.ready",
    "metrics.figures",
    "policy_reports.receive",
    "api_reference.index",
    "api_reference.openapi",
    "api_reference.problem",
    "public.sign_in",
    "public.create_session",
    "public.create_demo_session",
    "public.sign_out",
    "public.second_factor",
    "public.show_second_factor",
    "public.create_passkey_challenge",
    "public.create_passkey_session",
    "public.ask_sign_in_link",
    "public.create_sign_in_link",
    "public.sign_in_link",
    "public.use_sign_in_link",
    "public.ask_password_reset",
    "public.create_password_reset",
    "public.forgotten_password",
    "public.change_forgotten_password",
    "public.mailbox",
    "public.kept_mail",
    "public.kept_mail_html",
    "public.kept_mail_attachment",
    "visitors.pay",
    "visitors.invoice_pdf",
    "visitors.create_new_link",
    "visitors.create_checkout",
    "visitors.checkout_outcome",
    "visitors.create_checkout_look",
    "visitors.invitation",
    "visitors.accept_invitation",
    "visitors.standing_letters",
    "visitors.standing_letter",
    "webhooks.incomplete",
    "webhooks.receive",
}
"""What somebody without a login may call; a link's token, a signature or the demo guards the rest."""


def test_every_address_is_behind_a_gate_or_on_the_short_list_of_public_ones(application: Flask) -> None:
    endpoints = {rule.endpoint for rule in application.url_map.iter_rules()}
    open_ones = {name for name in endpoints if name.partition(".")[0] not in GATED}
    assert open_ones - PUBLIC == set()
    assert PUBLIC - open_ones == set(), "the short list names what does not exist any more"


def assert_sealed(answer: TestResponse, where: str) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy, where
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, where
    assert answer.headers["X-Content-Type-Options"] == "nosniff", where
    assert answer.headers["X-Frame-Options"] == "DENY", where
    assert answer.headers["Cache-Control"] == "no-store", where


@pytest.mark.case("A17")
def test_every_answer_carries_the_headers_that_seal_it(app: Flask, client: FlaskClient, world: World) -> None:
    """Pages are read by everybody in tests/web/test_crawl.py."""
    enter(client, world.logins[ADMIN])
    pages = rules(app, "GET")
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        for method in ("POST",) if rule in pages else ("GET", "POST"):
            if rule.endpoint == "public.sign_out" and method == "POST":
                continue
            address = world.address(rule) if rule.arguments <= {*world.ids, "token"} else rule.rule
            assert_sealed(client.open(address, method=method), f"{method} {rule.rule}")


@pytest.mark.case("A17")
def test_errors_are_sealed_too(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise RuntimeError("a programming mistake")

    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setitem(app.view_functions, "public.ask_password_reset", fail)
    broken = {"/password-reset": ("GET", 500), "/nothing": ("GET", 404), "/sign-out": ("GET", 405)}
    broken["/api/finances/webhooks/stripe/"] = ("POST", 400)

    for address, (method, status) in broken.items():
        answer = client.open(address, method=method)
        assert answer.status_code == status
        assert_sealed(answer, address)


def test_every_template_names_what_it_needs_in_its_first_line() -> None:
    silent = [
        str(path.relative_to(ROOT)) for path in TEMPLATES if not path.read_text().lstrip().startswith("{#")
    ]
    assert silent == []
