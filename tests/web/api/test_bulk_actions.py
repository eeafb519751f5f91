"""What a program does to many invoices: chosen, looked at, started, and followed row by row."""

import csv
import io
from typing import Any

import pytest

from tests import factories
from tests.jobs import JobRunner
from tests.web.api.conftest import Program
from webapp.core.db import transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import close_span
from webapp.domain.organizations import Chapter, Member
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method


@pytest.fixture
def owed(organization: Any, chapter: Chapter) -> list[Invoice]:
    """Three invoices of 100.00, one of them paid in part."""
    status = factories.make_status()
    people = [factories.make_member(chapter, status) for _ in range(3)]
    schedule_id = factories.make_invoice(10_000, member=people[0]).schedule_id
    found = list(Invoice.here().all(Invoice.schedule_id == schedule_id, order_by=Invoice.sequence))
    with transaction():
        member = Member.here().get(found[0].member_id)
        record_offline(member, 4_000, method=Method.CASH, on=organization.today, by=None)
    return found


def chosen(program: Program, kind: str, invoices: list[Invoice]) -> Any:
    body = {"kind": kind, "invoice_ids": [str(one.id) for one in invoices]}
    answer = program.post("bulk-actions/", body)
    assert answer.status_code == 201, answer.text
    return answer.json


def rows(program: Program, action_id: str, **query: str) -> list[dict[str, Any]]:
    return list(program.get(f"bulk-actions/{action_id}/results/", query_string=query).json["data"])


def test_invoices_are_voided_and_what_was_paid_is_credited(
    treasurer: Program, owed: list[Invoice], jobs: JobRunner
) -> None:
    looked = chosen(treasurer, "void", owed)
    assert (looked["invoices"], looked["owed"], looked["owed_after"]) == (3, 26_000, 0)
    assert (looked["paid"], looked["credited"]) == (1, 4_000)
    terms = {"seen": looked["seen"], "reason": "Billed by mistake"}
    started = treasurer.post(f"bulk-actions/{looked['id']}/start", terms)
    assert (started.status_code, started.json["state"]) == (202, "running")
    jobs.run_all()
    done = treasurer.get(f"bulk-actions/{looked['id']}/").json
    assert (done["state"], done["outcomes"]) == ("finished", {"done": 3})
    notes = {row["number"]: row["note"] for row in rows(treasurer, looked["id"])}
    assert "CN-" in notes.pop(owed[0].number) and set(notes.values()) == {None}
    assert {one.status for one in Invoice.here().all()} == {InvoiceStatus.VOID}


def test_all_that_filters_find_are_meant_and_failures_are_a_file(
    admin: Program, organization: Any, owed: list[Invoice], jobs: JobRunner
) -> None:
    looked = admin.post("bulk-actions/", {"kind": "void", "status": "owed"}).json
    assert looked["invoices"] == 3
    with transaction():
        close_span(organization.today, organization.today, by=None)
    admin.post(f"bulk-actions/{looked['id']}/start", {"seen": looked["seen"], "reason": "Mistake"})
    jobs.run_all()
    file = admin.get(f"bulk-actions/{looked['id']}/results/?outcome=refused&format=csv")
    failures = list(csv.DictReader(io.StringIO(file.text)))
    assert len(failures) == 3 and all("The books are closed" in row["note"] for row in failures)
    assert rows(admin, looked["id"], outcome="done") == []
    assert len(admin.get("bulk-actions/").json["data"]) == 1


def test_only_what_was_looked_at_is_started(treasurer: Program, owed: list[Invoice]) -> None:
    looked = chosen(treasurer, "adjust", owed)
    here = f"bulk-actions/{looked['id']}"
    terms = {"adjustment": "waiver", "amount": 1_000, "reason": "The roof leaked"}
    unseen = treasurer.post(f"{here}/start", terms | {"seen": looked["seen"]})
    assert (unseen.status_code, unseen.json["detail"]) == (
        422,
        "Look at what this would do, then confirm it.",
    )
    again = treasurer.post(f"{here}/preview", terms).json
    assert (again["owed"], again["owed_after"]) == (26_000, 23_000)
    assert treasurer.post(f"{here}/start", terms | {"seen": again["seen"]}).status_code == 202
    assert treasurer.post(f"{here}/start", terms | {"seen": again["seen"]}).status_code == 409
    assert treasurer.post(f"{here}/stop").json["outcomes"] == {"cancelled": 3}
    assert treasurer.post(f"{here}/retry").json["state"] == "running"


def test_a_reason_is_asked_for_and_invoices_of_elsewhere_are_not_there(
    treasurer: Program, owed: list[Invoice]
) -> None:
    elsewhere = factories.make_invoice()
    body = {"kind": "void", "invoice_ids": [str(elsewhere.id)]}
    assert list(treasurer.post("bulk-actions/", body).json["errors"]) == ["invoice_ids"]
    looked = chosen(treasurer, "void", owed)
    refused = treasurer.post(f"bulk-actions/{looked['id']}/start", {"seen": looked["seen"]})
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["reason"])


def test_statements_are_mailed_to_who_owes_something_and_watched(
    treasurer: Program, owed: list[Invoice], jobs: JobRunner
) -> None:
    body = {"since": "2026-01-01", "until": "2026-08-31", "readers": "owing"}
    looked = treasurer.post("statement-mailings/", body).json
    assert (looked["invoices"], looked["left_out"], looked["earlier_today"]) == (3, {}, 0)
    start = f"bulk-actions/{looked['id']}/start"
    assert treasurer.post(start, {"seen": looked["seen"]}).status_code == 202
    jobs.skip_pauses()
    jobs.run_all()
    done = treasurer.get(f"bulk-actions/{looked['id']}/").json
    assert (done["kind"], done["state"], done["outcomes"]) == ("mail_statements", "finished", {"done": 3})
    told = rows(treasurer, looked["id"])
    assert {row["member_id"] for row in told} == {str(one.member_id) for one in owed}
    assert {row["invoice_id"] for row in told} == {None}

    again = treasurer.post("statement-mailings/", body).json
    assert again["earlier_today"] == 3
    start = f"bulk-actions/{again['id']}/start"
    assert treasurer.post(start, {"seen": again["seen"]}).status_code == 422
    assert treasurer.post(start, {"seen": again["seen"], "again": True}).status_code == 202
