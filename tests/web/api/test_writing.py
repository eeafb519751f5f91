"""What programs write and read: money is exact, and every refusal says what to do."""

import json
import re
from typing import Any

import pytest

from tests import factories
from tests.processor import connect
from tests.sandbox.control import SandboxControl
from tests.web.api.conftest import Program, count, parts_of
from tests.web.api.test_tokens import is_problem
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, Member
from webapp.domain.payments.payment import Payment


def test_a_payment_settles_the_oldest_invoice_first_or_the_one_that_is_named(
    admin: Program, member: Member
) -> None:
    old, new = (factories.make_invoice(amount, member=member) for amount in (10_000, 20_000))
    body = {"member_id": str(member.id), "amount": 12_000, "method": "cash", "currency": "USD"}
    named = admin.post("payments/", body | {"allocation": "specific", "invoice_id": str(new.id)})
    assert parts_of(named) == [{"invoice_id": str(new.id), "amount": 12_000}]
    rest = admin.post("payments/", body | {"allocation": "fifo", "amount": 20_000})
    settled = {(part["invoice_id"], part["amount"]) for part in rest.json["allocations"]}
    assert settled == {(str(old.id), 10_000), (str(new.id), 8_000)} and rest.json["credited"] == 2_000
    balance = admin.get(f"/api/members/{member.id}/balance/").json
    assert (balance["owed"], balance["credit_notes"], balance["currency"]) == (0, 2_000, "USD")


def test_a_payment_settles_the_named_invoices_with_the_named_amounts(admin: Program, member: Member) -> None:
    first, second, third = (factories.make_invoice(10_000, member=member) for _ in range(3))
    parts = [{"invoice_id": str(third.id), "amount": 7_000}, {"invoice_id": str(first.id), "amount": 2_500}]
    body = {"member_id": str(member.id), "amount": 10_000, "method": "check", "allocation": "specific"}
    paid = admin.post("payments/", body | {"invoices": parts})
    assert paid.status_code == 201 and paid.json["credited"] == 500
    assert sorted(parts_of(paid), key=str) == sorted(parts, key=str)
    more = admin.post("payments/", body | {"invoices": [{"invoice_id": str(third.id), "amount": 3_001}]})
    assert is_problem(more, 422, "invalid") and third.number in more.json["errors"]["invoices"]
    twice = [{"invoice_id": str(second.id), "amount": 1}] * 2
    assert is_problem(admin.post("payments/", body | {"invoices": twice}), 422, "invalid")
    over = [{"invoice_id": str(second.id), "amount": 6_000}, {"invoice_id": str(first.id), "amount": 6_000}]
    assert is_problem(admin.post("payments/", body | {"invoices": over}), 422, "invalid")


def test_a_payment_gives_every_open_invoice_the_same_share(admin: Program, member: Member) -> None:
    made = [factories.make_invoice(amount, member=member) for amount in (10_000, 20_000, 30_000)]
    body = {"member_id": str(member.id), "amount": 10_001, "method": "cash", "allocation": "proportional"}
    paid = admin.post("payments/", body).json
    parts = {part["invoice_id"]: part["amount"] for part in paid["allocations"]}
    assert [parts[str(invoice.id)] for invoice in made] == [1_667, 3_334, 5_000]
    assert paid["credited"] == 0


NOBODYS = "01980000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"allocation": "newest"}, "allocation"),
        ({"allocation": "specific", "invoices": []}, "invoices"),
        ({"allocation": "proportional", "invoices": [{"invoice_id": NOBODYS, "amount": 1}]}, "invoices"),
        ({"allocation": "specific", "invoices": [{"invoice_id": NOBODYS, "amount": 1}]}, "invoices"),
        ({"allocation": "specific", "invoices": [{"invoice_id": NOBODYS, "amount": 0}]}, "invoices.0.amount"),
        ({"allocation": "specific"}, "invoice_id"),
        ({"amount": 0}, "amount"),
        ({"amount": "100"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 10.5}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"method": "card"}, "method"),
        ({"received_on": "2026-02-30"}, "received_on"),
        ({"received_on": "2190-01-01"}, "received_on"),
        ({"reference": "a\0b"}, "reference"),
        ({"tip": 1}, "tip"),
    ],
)
def test_a_payment_that_makes_no_sense_is_refused_by_field(
    admin: Program, invoice: Invoice, change: dict[str, Any], field: str
) -> None:
    body = {"member_id": str(invoice.member_id), "amount": 100, "method": "cash"} | change
    answer = admin.post("payments/", body)
    assert is_problem(answer, 422, "invalid")
    assert list(answer.json["errors"]) == [field]
    assert count(Payment) == 0


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[" * 100_000, b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff", b"1" * 5000]
)
def test_a_body_that_is_no_json_is_refused(admin: Program, raw: bytes) -> None:
    answer = admin.send("POST", "payments/", data=raw, content_type="application/json")
    assert is_problem(answer, 400, "unreadable")


def test_every_way_to_be_wrong_is_a_problem(admin: Program) -> None:
    wrong = [
        (admin.get("/api/nowhere/"), 404, "not-found"),
        (admin.send("DELETE", "payments/"), 405, "method-not-allowed"),
        (
            admin.send("POST", "payments/", data=b"a=1", content_type="text/plain"),
            415,
            "unsupported-media-type",
        ),
        (admin.post("chapters/", {"code": "X", "name": "X"}, key="a b"), 400, "key-unusable"),
        (admin.get("invoices/?statuss=paid"), 422, "invalid"),
        (admin.get("invoices/?status=paid&status=open"), 422, "invalid"),
        (admin.get("members/?limit=201"), 422, "invalid"),
        (admin.get("members/?cursor=nonsense"), 422, "invalid"),
        (admin.post("payments/", {"reference": "x" * (13 * 1024 * 1024)}), 413, "too-large"),
    ]
    assert all([is_problem(*one) for one in wrong])


def test_every_kind_of_problem_has_a_page(client: Any) -> None:
    named = re.findall(r'href="(/api/problems/([\w-]+))"', client.get("/api/").text)
    assert {"invalid", "not-found", "key-used-before", "no-processor", "token-needed"} <= {
        one[1] for one in named
    }
    for address, code in named:
        assert code in client.get(address).text
    assert client.get("/api/problems/nonsense").status_code == 404


def test_paging_walks_all_members_without_loss_or_repetition(admin: Program, chapter: Chapter) -> None:
    status = factories.make_status()
    made = {str(factories.make_member(chapter, status).id) for _ in range(120)}
    seen: list[str] = []
    address = "members/?limit=25"
    while address:
        answer = admin.get(address).json
        assert len(answer["data"]) <= 25
        seen += [one["id"] for one in answer["data"]]
        address = (answer["next"] or "").removeprefix("http://localhost")
    assert len(seen) == 120 and set(seen) == made
    assert seen == sorted(seen, reverse=True)


def test_invoices_are_found_by_the_filters_and_page_by_cursor(admin: Program, member: Member) -> None:
    made = [factories.make_invoice(1_000 * number, member=member) for number in (1, 2, 3)]
    first = admin.get("invoices/?limit=2&status=owed").json
    rest = admin.get(f"invoices/?limit=2&status=owed&cursor={first['next_cursor']}").json
    numbers = [one["number"] for page in (first, rest) for one in page["data"]]
    assert numbers == sorted((invoice.number for invoice in made), reverse=True)
    assert rest["next"] is None
    assert [one["id"] for one in admin.get(f"invoices/?q={made[1].number}").json["data"]] == [str(made[1].id)]
    assert admin.get("invoices/?status=paid").json["data"] == []
    assert len(admin.get(f"/api/chapters/{member.chapter_id}/invoices/").json["data"]) == 3


def test_paying_opens_the_processors_page_once(
    admin: Program, sandbox: SandboxControl, invoice: Invoice
) -> None:
    address = f"/api/invoices/{invoice.id}/pay/"
    assert is_problem(admin.post(address, key="a"), 409, "no-processor")
    connect()
    opened = admin.post(address, key="a")
    assert opened.status_code == 201
    assert opened.json["checkout_url"].startswith(sandbox.url)
    assert str(Payment.here().all()[0].id) == opened.json["transaction_id"]
    assert admin.post(address, key="a").json == opened.json
    assert admin.post(address).json == opened.json
    assert sandbox.pay(opened.json["checkout_url"]).status == 303


def test_a_processor_that_is_away_can_be_asked_again_with_the_same_key(
    admin: Program, sandbox: SandboxControl, invoice: Invoice
) -> None:
    connect()
    sandbox.fault("server_error", count=10)
    assert is_problem(admin.post(f"/api/invoices/{invoice.id}/pay/", key="a"), 503, "unavailable")
    sandbox.no_faults()
    assert admin.post(f"/api/invoices/{invoice.id}/pay/", key="a").status_code == 201


def test_credentials_go_in_and_never_come_out(admin: Program) -> None:
    body = {
        "kind": "stripe",
        "name": "Stripe",
        "secret_key": "sk_test_quince",
        "webhook_secret": "whsec_medlar",
    }
    made = admin.post("payment-processors/", body)
    assert made.status_code == 201 and made.json["has_webhook_secret"]
    listed = admin.get("payment-processors/")
    assert listed.json["data"] == [made.json]
    assert "quince" not in made.text + listed.text and "medlar" not in made.text + listed.text


def test_voiding_asks_for_a_reason_and_happens_once(admin: Program, invoice: Invoice) -> None:
    address = f"/api/invoices/{invoice.id}/void/"
    assert is_problem(admin.post(address, {}), 422, "invalid")
    voided = admin.post(address, {"reason": "Billed by mistake"})
    assert (voided.status_code, voided.json["status"], voided.json["owed"]) == (200, "void", 0)
    assert is_problem(admin.post(address, {"reason": "Again"}), 409, "conflict")


def test_a_status_is_defined_changed_and_removed_while_nobody_has_it(admin: Program, member: Member) -> None:
    added = admin.post("member-statuses/", {"label": "Journey Worker"})
    assert (added.status_code, added.json["code"], added.json["billable"]) == (201, "journey_worker", True)
    address = f"member-statuses/{added.json['id']}/"
    assert is_problem(admin.post("member-statuses/", {"label": "journey worker"}), 422, "invalid")
    assert admin.patch(address, {"billable": False}).json["billable"] is False
    assert admin.get(address).json in admin.get("member-statuses/").json["data"]
    assert admin.send("DELETE", address).status_code == 200
    assert is_problem(admin.get(address), 404, "not-found")
    assert is_problem(admin.send("DELETE", f"member-statuses/{member.status_id}/"), 409, "conflict")


def test_the_rate_in_force_is_found_by_status_and_day(admin: Program, chapter: Chapter) -> None:
    status = factories.make_status("associate").code
    assert admin.get(f"dues-rates/current?status={status}").json["amount"] == 0
    rate = {"status": status, "amount": 15_000, "effective_from": "2026-01-01"}
    assert admin.post("dues-rates/", rate).status_code == 201
    newer = rate | {"amount": 18_000, "effective_from": "2027-01-01"}
    assert admin.post("dues-rates/", newer).json["effective_to"] is None
    found = [
        admin.get(f"dues-rates/current?status={status}&on={day}").json["amount"]
        for day in ("2025-12-31", "2026-12-31", "2027-01-01")
    ]
    assert found == [0, 15_000, 18_000]


def test_the_books_are_read_as_json_and_as_a_spreadsheet(admin: Program, invoice: Invoice) -> None:
    ledger = admin.get(f"/api/chapters/{invoice.chapter_id}/finances/ledger/").json
    assert (ledger["balance"], ledger["account"]) == (40_000, "1200")
    assert [(line["amount"], line["balance"]) for line in ledger["data"]] == [(40_000, 40_000)]
    trial = admin.get("reports/trial-balance/").json
    assert trial["debits"] == trial["credits"] == 40_000
    assert (
        "1200,Accounts receivable,asset,400.00,0.00,USD"
        in admin.get("reports/trial-balance/?format=csv").text
    )
    aging = admin.get("reports/aging/?as_of=2026-07-01").json
    assert (aging["total"], aging["current"], aging["chapters"][0]["total"]) == (40_000, 40_000, 40_000)
    assert admin.get("reports/aging/?format=csv").content_type.startswith("text/csv")


def test_a_chapters_ledger_pages_without_loss(admin: Program, member: Member) -> None:
    for amount in (1_000, 2_000, 3_000):
        factories.make_invoice(amount, member=member)
    address = f"/api/chapters/{member.chapter_id}/finances/ledger/?limit=2"
    first = admin.get(address).json
    rest = admin.get(first["next"].removeprefix("http://localhost")).json
    lines = first["data"] + rest["data"]
    assert [line["balance"] for line in reversed(lines)] == [1_000, 3_000, 6_000]
    assert rest["next_cursor"] is None


def test_the_description_is_json_and_needs_no_token(client: Any) -> None:
    described = json.loads(client.get("/api/openapi.json").text)
    assert described["openapi"].startswith("3.1")
    operations = [one for path in described["paths"].values() for one in path.values()]
    assert all(one["summary"] and one["description"] for one in operations)


def test_the_servers_can_be_watched(client: Any, organization: Any) -> None:
    assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
