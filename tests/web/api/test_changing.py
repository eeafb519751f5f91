"""What stands already is changed, disconnected and reconnected through the API."""

from typing import Any

import pytest

from tests import factories
from tests.processor import SECRET_KEY, connect
from tests.sandbox.control import SandboxControl
from tests.web.api.conftest import Program
from tests.web.api.test_tokens import is_problem
from webapp.core.audit import AuditEntry
from webapp.domain.organizations import Chapter
from webapp.domain.payments.processor import PaymentProcessor


@pytest.fixture
def processor(admin: Program, sandbox: SandboxControl) -> str:
    return f"payment-processors/{connect().id}/"


def test_a_period_changes_until_it_is_billed(admin: Program, chapter: Chapter) -> None:
    period = factories.make_period()
    address = f"billing-periods/{period.id}/"
    changed = admin.patch(address, {"name": "Autumn 2026", "due_on": "2026-08-01"})
    assert (changed.status_code, changed.json["name"], changed.json["due_on"]) == (
        200,
        "Autumn 2026",
        "2026-08-01",
    )
    assert is_problem(admin.patch(address, {}), 422, "invalid")
    assert is_problem(admin.patch(address, {"code": "2026-autumn"}), 422, "invalid")
    factories.make_rate(status := factories.make_status(), 40_000)
    factories.make_member(chapter, status)
    factories.bill(period)
    refused = admin.patch(address, {"starts_on": "2026-07-02", "due_on": "2026-08-02"})
    assert is_problem(refused, 422, "invalid") and list(refused.json["errors"]) == ["starts_on"]
    assert admin.get(address).json["due_on"] == "2026-08-01"


def test_credentials_are_replaced_and_never_shown(admin: Program, processor: str) -> None:
    body = {"name": "Cards", "secret_key": "sk_test_canary", "webhook_secret": "whsec_canary"}
    changed = admin.patch(processor, body)
    assert (changed.status_code, changed.json["name"]) == (200, "Cards")
    assert "canary" not in changed.text + admin.get(processor).text
    audited = AuditEntry.here().all(AuditEntry.action == "change_processor_keys")
    assert [entry.after for entry in audited] == [{"changed": ["secret_key", "webhook_secret"]}]
    wrong = admin.patch(processor, {"secret_key": "pk_test_public"})
    assert is_problem(wrong, 422, "invalid") and list(wrong.json["errors"]) == ["secret_key"]
    live = admin.patch(processor, {"secret_key": "sk_live_other"})
    assert is_problem(live, 422, "invalid") and "in test mode" in live.json["errors"]["secret_key"]


def test_disconnecting_keeps_the_row_and_reconnecting_uses_it_again(admin: Program, processor: str) -> None:
    gone = admin.send("DELETE", processor)
    assert (gone.status_code, gone.json["active"], gone.json["under_way"]) == (200, False, 0)
    assert is_problem(admin.send("DELETE", processor), 409, "conflict")
    assert [one["active"] for one in admin.get("payment-processors/").json["data"]] == [False]
    back = admin.post(processor + "reconnect")
    assert (back.status_code, back.json["active"]) == (200, True)
    assert is_problem(admin.post(processor + "reconnect"), 409, "conflict")
    assert len(PaymentProcessor.here().all()) == 1


def test_a_connection_is_tried_and_says_why_it_fails(admin: Program, processor: str) -> None:
    works = admin.post(processor + "test")
    assert works.status_code == 200 and works.json["tested_at"] and works.json["test_error"] is None
    admin.patch(processor, {"secret_key": "sk_nonsense"})
    fails: Any = admin.post(processor + "test")
    assert fails.status_code == 200 and "does not accept this secret key" in fails.json["test_error"]
    assert SECRET_KEY not in fails.text
