"""Writing acts once, money is exact, and every refusal says what to do."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from tests import factories
from tests.jobs import JobRunner
from tests.processor import connect
from tests.sandbox.control import SandboxControl
from tests.web.api.conftest import Program, program
from tests.web.api.test_tokens import is_problem
from webapp.core import clock
from webapp.core.db import db, transaction
from webapp.core.request_keys import RequestKey
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, Member, RoleName
from webapp.domain.payments.payment import Payment


@pytest.fixture
def member(chapter: Chapter) -> Member:
    return factories.make_member(chapter, factories.make_status())


@pytest.fixture
def invoice(member: Member) -> Invoice:
    return factories.make_invoice(40_000, member=member)


def parts_of(answer: Any) -> list[dict[str, Any]]:
    """What a payment settles, without the ids of its allocations."""
    return [{key: part[key] for key in ("invoice_id", "amount")} for part in answer.json["allocations"]]


def count(kind: Any) -> int:
    db.session.rollback()
    return len(kind.here().all())


@pytest.mark.case("F13")
def test_the_same_key_sent_from_many_threads_acts_once_and_answers_all_the_same(
    app: Flask, admin: Program, invoice: Invoice
) -> None:
    body = {"member_id": str(invoice.member_id), "amount": 15_000, "method": "check", "reference": "1024"}
    address = admin.here + "payments/"
    db.session.rollback()

    def send(_: int) -> Any:
        sender = Program(app.test_client(), admin.token, admin.organization)
        return sender.post(address, body, key="one-check")

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(send, range(20)))
    assert count(Payment) == 1
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json["id"] for answer in answers} == {str(Payment.here().all()[0].id)}
    again = admin.post("payments/", body, key="one-check")
    assert again.status_code == 201 and again.json["id"] == str(Payment.here().all()[0].id)
    assert parts_of(again) == [{"invoice_id": str(invoice.id), "amount": 15_000}]


def test_the_same_key_with_another_body_is_refused(admin: Program, invoice: Invoice) -> None:
    body = {"member_id": str(invoice.member_id), "amount": 15_000, "method": "check"}
    assert admin.post("payments/", body, key="a").status_code == 201
    assert is_problem(admin.post("payments/", body | {"amount": 16_000}, key="a"), 422, "key-used-before")
    assert count(Payment) == 1


@pytest.mark.case("F13")
def test_while_the_first_request_still_runs_the_second_is_told_when_to_come_back(
    admin: Program, invoice: Invoice
) -> None:
    """The first has acted and has not kept its answer yet; minutes later its process is taken for dead."""
    body = {"member_id": str(invoice.member_id), "amount": 100, "method": "check"}
    assert admin.post("payments/", body, key="a").status_code == 201
    unanswered(minutes=0)
    waited = admin.post("payments/", body, key="a")
    assert is_problem(waited, 409, "still-running") and int(waited.headers["Retry-After"]) > 0
    unanswered(minutes=3)
    assert is_problem(admin.post("payments/", body, key="a"), 409, "conflict")
    assert count(Payment) == 1


def unanswered(*, minutes: int) -> None:
    """The only key there is, as if its answer had not been kept for so long."""
    with transaction():
        [row] = RequestKey.here().all()
        row.status, row.created_at = None, clock.now() - timedelta(minutes=minutes)


def test_a_refused_request_leaves_its_key_free(admin: Program, invoice: Invoice) -> None:
    body = {"member_id": str(invoice.member_id), "amount": 0, "method": "check"}
    assert is_problem(admin.post("payments/", body, key="a"), 422, "invalid")
    assert admin.post("payments/", body | {"amount": 100}, key="a").status_code == 201


def test_two_programs_may_use_the_same_key(admin: Program, treasurer: Program, invoice: Invoice) -> None:
    body = {"member_id": str(invoice.member_id), "amount": 100, "method": "cash"}
    assert [one.post("payments/", body, key="a").status_code for one in (admin, treasurer)] == [201, 201]
    assert count(Payment) == 2


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


def test_a_period_is_billed_watched_and_undone_by_somebody_else(
    admin: Program, client: Any, member: Member, jobs: JobRunner
) -> None:
    assert admin.patch("dues-settings/", {"default_amount": 40_000}).json["default_amount"] == 40_000
    period = admin.post("billing-periods/generate", {"year": 2027}).json["data"][0]
    order = {"period_id": period["id"]}
    seen = admin.post("billing-runs/preview", order).json
    assert (seen["invoices"], seen["total"], seen["currency"]) == (1, 40_000, "USD")
    confirmed = admin.post("billing-runs/", order)
    assert (confirmed.status_code, confirmed.json["state"]) == (202, "confirmed")
    jobs.run_all()
    run = f"billing-runs/{confirmed.json['id']}/"
    watched = admin.get(run).json
    assert (watched["state"], watched["invoiced"], watched["total"]) == ("done", 1, 40_000)
    assert is_problem(admin.post(run + "undo", {"reason": "Wrong rate"}), 403, "not-allowed")
    second = program(client, admin.organization, RoleName.NATIONAL_ADMIN)
    assert second.post(run + "undo", {"reason": "Wrong rate"}).status_code == 202
    jobs.run_all()
    assert admin.get(run).json["state"] == "undone"
    assert [one["status"] for one in admin.get("invoices/").json["data"]] == ["void"]


def test_whom_a_run_leaves_out_is_named_before_and_afterwards(
    admin: Program, chapter: Chapter, member: Member, jobs: JobRunner
) -> None:
    admin.patch("dues-settings/", {"default_amount": 40_000})
    idle = factories.make_status("honorary", billable=False)
    honored = [factories.make_member(chapter, idle) for _ in range(2)]
    period = admin.post("billing-periods/generate", {"year": 2027}).json["data"][0]
    order = {"period_id": period["id"]}

    foreseen = admin.post("billing-runs/preview", order).json["left_out"]
    run = admin.post("billing-runs/", order).json["id"]
    jobs.run_all()
    first = admin.get(f"billing-runs/{run}/left-out/?limit=1").json
    second = admin.get(f"billing-runs/{run}/left-out/?limit=1&cursor={first['next_cursor']}").json

    assert foreseen == [*first["data"], *second["data"]] and second["next_cursor"] is None
    assert [one["member_id"] for one in foreseen] == [str(one.id) for one in reversed(honored)]
    assert {one["reason"] for one in foreseen} == {"status_not_billable"}


def test_an_order_of_what_was_not_seen_is_refused_with_what_it_would_do_now(
    admin: Program, chapter: Chapter, member: Member, jobs: JobRunner
) -> None:
    admin.patch("dues-settings/", {"default_amount": 40_000})
    period = admin.post("billing-periods/generate", {"year": 2027}).json["data"][0]
    order = {"period_id": period["id"]}
    seen = admin.post("billing-runs/preview", order).json["seen"]
    factories.make_member(chapter, factories.make_status("associate"))

    refused = admin.post("billing-runs/", order | {"seen": seen}, key="order")
    assert is_problem(refused, 409, "preview-changed")
    assert "Invoices: 2 instead of 1." in refused.json["detail"]
    now = refused.json["preview"]
    assert (now["invoices"], now["total"]) == (2, 80_000)
    assert admin.get("billing-runs/").json["data"] == []
    assert is_problem(admin.post("billing-runs/", order | {"seen": "nonsense"}), 422, "invalid")

    confirmed = admin.post("billing-runs/", order | {"seen": now["seen"]}, key="order")
    assert confirmed.status_code == 202


def test_a_run_is_cancelled_once(admin: Program, member: Member, jobs: JobRunner) -> None:
    admin.patch("dues-settings/", {"default_amount": 40_000})
    period = admin.post("billing-periods/generate", {"year": 2027}).json["data"][0]
    address = f"billing-runs/{admin.post('billing-runs/', {'period_id': period['id']}).json['id']}/"
    cancelled = admin.post(address + "cancel")
    assert (cancelled.status_code, cancelled.json["state"]) == (202, "cancelled")
    assert cancelled.json["cancelled_at"] is not None
    assert is_problem(admin.post(address + "cancel"), 409, "conflict")
    jobs.run_all()
    assert admin.get("invoices/").json["data"] == []


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


ROSTER = (
    "member_number,first_name,last_name,chapter_code,status\nPX1,Ana,Núñez,ALP,undergraduate\nPX2,Bo,,ALP,\n"
)


@pytest.mark.parametrize("multipart", [True, False])
def test_a_roster_is_sent_brought_in_and_its_refused_rows_read(
    admin: Program, chapter: Chapter, jobs: JobRunner, multipart: bool
) -> None:
    factories.make_status()
    content = ROSTER.encode()
    as_part = {"data": {"file": (BytesIO(content), "roster.csv")}}
    as_body = {"data": content, "content_type": "text/csv"}
    sent = admin.send("POST", "roster-imports/", **(as_part if multipart else as_body))
    assert (sent.status_code, sent.json["state"], sent.json["total_rows"]) == (202, "running", 2)
    jobs.run_all()
    watched = admin.get(f"roster-imports/{sent.json['id']}/").json
    assert watched["state"] == "done" and watched["counts"]["created"] + watched["counts"]["refused"] == 2
    refused = admin.get(f"roster-imports/{sent.json['id']}/refused-rows/").json["data"]
    assert len(refused) == watched["counts"]["refused"]


def test_a_dry_run_of_a_roster_changes_nothing(admin: Program, chapter: Chapter, jobs: JobRunner) -> None:
    factories.make_status()
    sent = admin.send("POST", "roster-imports/?dry_run=true", data=ROSTER.encode(), content_type="text/csv")
    assert (sent.status_code, sent.json["state"]) == (202, "checked")
    jobs.run_all()
    assert count(Member) == 0


def test_a_program_says_what_the_columns_of_a_roster_hold(
    admin: Program, chapter: Chapter, jobs: JobRunner
) -> None:
    content = "Card,Family,Where\nPX1,Núñez,ALP\n"
    sent = admin.send(
        "POST", "roster-imports/?hold=true", data=content.encode(), content_type="text/csv"
    ).json
    here = f"roster-imports/{sent['id']}/"
    columns = {"Card": "number", "Family": "last_name", "Where": "chapter_code"}

    unknown = admin.patch(here, {"columns": {"Nobody": "number"}})
    mapped = admin.patch(
        here, {"columns": columns, "for_all": {"status": "pledge"}, "new_statuses": {"pledge": True}}
    )
    checked, begun = admin.post(here + "check/"), admin.post(here + "start/")
    jobs.run_all()

    assert (sent["state"], unknown.status_code) == ("uploaded", 422)
    assert (mapped.json["columns"], mapped.json["for_all"]) == (columns, {"status": "pledge"})
    assert (checked.json["state"], checked.json["counts"]["created"]) == ("checked", 1)
    assert (begun.status_code, admin.get(here).json["state"], count(Member)) == (202, "done", 1)
    assert admin.patch(here, {"columns": columns}).status_code == 409


def test_a_roster_is_undone_and_says_what_could_not_be(
    admin: Program, chapter: Chapter, jobs: JobRunner
) -> None:
    factories.make_status()
    content = ROSTER + "PX3,Cy,Cole,ALP,undergraduate\n"
    sent = admin.send("POST", "roster-imports/", data=content.encode(), content_type="text/csv").json
    jobs.run_all()
    with transaction():
        Member.here().first(Member.number == "PX3").correct({"phone": "555"}, by=None)
    asked = admin.send("POST", f"roster-imports/{sent['id']}/undo/")
    assert (asked.status_code, asked.json["state"]) == (202, "undoing")
    jobs.run_all()
    watched = admin.get(f"roster-imports/{sent['id']}/").json
    assert (watched["state"], watched["undo_counts"]) == ("undone", {"removed": 1, "deactivated": 1})
    (told,) = admin.get(f"roster-imports/{sent['id']}/rows-not-undone/").json["data"]
    assert told["undo"] == "deactivated" and "changed by hand" in told["undo_reasons"][0]
    assert admin.send("POST", f"roster-imports/{sent['id']}/undo/").status_code == 409


def test_the_description_is_json_and_needs_no_token(client: Any) -> None:
    described = json.loads(client.get("/api/openapi.json").text)
    assert described["openapi"].startswith("3.1")
    operations = [one for path in described["paths"].values() for one in path.values()]
    assert all(one["summary"] and one["description"] for one in operations)


def test_the_servers_can_be_watched(client: Any, organization: Any) -> None:
    assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
