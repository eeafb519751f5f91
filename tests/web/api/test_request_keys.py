"""A request with a key acts once, however often it is sent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.web.api.conftest import Program, count, parts_of
from tests.web.api.test_tokens import is_problem
from webapp.core import clock
from webapp.core.db import db, transaction
from webapp.core.request_keys import RequestKey
from webapp.domain.billing.invoice import Invoice
from webapp.domain.payments.payment import Payment


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
