"""The approval queue, read and decided by programs."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.web.api.conftest import Program, program
from tests.web.api.test_tokens import is_problem
from tests.web.specimens import make_approval
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, Login, RoleName, tokens


@pytest.fixture
def person(organization: Any, chapter: Chapter) -> Login:
    login = factories.make_login("Theo Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=chapter)
    return login


@pytest.fixture
def asked(chapter: Chapter, person: Login) -> ApprovalRequest:
    invoice = factories.make_invoice(40_000, member=factories.make_member(chapter, factories.make_status()))
    with transaction():
        return make_approval(invoice.id, person)


def owed() -> int:
    with transaction():
        return db.session.scalars(select(Invoice.owed)).one()


def act(who: Program, request: ApprovalRequest, verb: str, **body: Any) -> Any:
    return who.post(f"approval-requests/{request.id}/{verb}", body or None)


def test_a_request_is_listed_read_and_approved_by_its_digest(admin: Program, asked: ApprovalRequest) -> None:
    (listed,) = admin.get("approval-requests/?state=pending&action=adjustment").json["data"]
    assert (listed["id"], listed["amount"], listed["requester"]) == (str(asked.id), 6_000, "Theo Treasurer")
    assert admin.get(f"approval-requests/{asked.id}/").json == listed
    assert admin.get("approval-requests/?state=approved").json["data"] == []

    done = act(admin, asked, "approve", order_digest=listed["order_digest"])

    assert done.status_code == 200
    assert (done.json["state"], done.json["decided_by_token_id"] is not None) == ("approved", True)
    assert owed() == 34_000
    again = act(admin, asked, "approve", order_digest=listed["order_digest"])
    assert is_problem(again, 409, "already-decided") and "already approved by" in again.json["detail"]


@pytest.mark.case("K30")
def test_another_digest_approves_nothing(admin: Program, asked: ApprovalRequest) -> None:
    assert is_problem(act(admin, asked, "approve", order_digest="0" * 64), 409, "conflict")
    assert owed() == 40_000


@pytest.mark.case("F15", "A4")
def test_a_token_approves_nothing_that_whoever_made_it_asked_for(
    client: FlaskClient, organization: Any, chapter: Chapter, asked: ApprovalRequest, person: Login
) -> None:
    with transaction():
        _, text = tokens.create("Auto approve", RoleName.NATIONAL_ADMIN, by=person)
    robot = Program(client, text, organization)
    refused = act(robot, asked, "approve", order_digest=asked.order_digest)
    assert is_problem(refused, 403, "not-allowed")
    assert owed() == 40_000
    noted = AuditEntry.here().first(AuditEntry.action == "approval refused")
    assert noted is not None and noted.by_name == "Auto approve"


def test_it_is_held_asked_back_and_denied_with_words(admin: Program, asked: ApprovalRequest) -> None:
    assert act(admin, asked, "hold", remark="Waiting for the bank.").json["state"] == "held"
    assert act(admin, asked, "ask-back", remark="Which door?").json["remark"] == "Which door?"
    assert is_problem(act(admin, asked, "answer", remark="The side door."), 403, "not-allowed")
    assert is_problem(act(admin, asked, "deny", remark="   "), 422, "invalid")
    denied = act(admin, asked, "deny", remark="No receipt.").json
    assert (denied["state"], denied["decision_reason"]) == ("denied", "No receipt.")
    assert owed() == 40_000


def test_a_program_answers_and_withdraws_what_it_asked_for(
    client: FlaskClient, organization: Any, admin: Program, chapter: Chapter, person: Login
) -> None:
    invoice = factories.make_invoice(40_000, member=factories.make_member(chapter, factories.make_status()))
    with transaction() as session:
        token, text = tokens.create("Nightly", RoleName.TREASURER, chapter=chapter, by=person)
        request = make_approval(invoice.id, session.get_one(Login, token.login_id))
    nightly = Program(client, text, organization)
    act(admin, request, "ask-back", remark="Which door?")
    assert act(nightly, request, "answer", remark="The side door.").json["state"] == "pending"
    gone = act(nightly, request, "withdraw").json
    assert (gone["state"], gone["requester"]) == ("withdrawn", "Theo Treasurer, through “Nightly”")


@pytest.mark.case("A1")
def test_a_treasurers_token_finds_the_requests_of_its_own_chapter(
    client: FlaskClient, organization: Any, treasurer: Program, asked: ApprovalRequest
) -> None:
    other = program(client, organization, RoleName.TREASURER, factories.make_chapter("BET", "Beta"))
    assert len(treasurer.get("approval-requests/").json["data"]) == 1
    assert other.get("approval-requests/").json["data"] == []
    assert is_problem(other.get(f"approval-requests/{asked.id}/"), 404, "not-found")
    digest = {"order_digest": asked.order_digest}
    assert is_problem(act(other, asked, "approve", **digest), 404, "not-found")
    assert is_problem(act(treasurer, asked, "approve", **digest), 403, "not-allowed")
    assert owed() == 40_000


def test_the_policy_is_read_changed_and_set_back(admin: Program, auditor: Program) -> None:
    limit = {"role": "treasurer", "action": "adjustment", "right": "second"}

    def shown() -> Any:
        limits = auditor.get("approval-policy/").json["limits"]
        return next((one["up_to"], one["is_set"]) for one in limits if one | limit == one)

    assert shown() == (0, False)
    assert admin.patch("approval-policy/", {"limits": [limit | {"up_to": 7_500}]}).status_code == 200
    assert shown() == (7_500, True)
    admin.patch("approval-policy/", {"limits": [limit | {"up_to": None}]})
    assert shown() == (None, True)
    admin.patch("approval-policy/", {"limits": [limit]})
    assert shown() == (0, False)
    cap = {"role": "treasurer", "action": "refund", "right": "alone", "up_to": 1}
    assert is_problem(admin.patch("approval-policy/", {"limits": [cap]}), 422, "invalid")
