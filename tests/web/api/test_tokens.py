"""Who may do what with a token, and what nobody finds."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.web.api.conftest import Program, operations, program
from webapp.core.db import transaction
from webapp.domain.organizations import ApiToken, Chapter, Login, Member, Organization, Role, RoleName, roles

ELSEWHERE = "01980000-0000-7000-8000-000000000000"
OPERATIONS = operations()
WRITES = [operation for operation in OPERATIONS if operation.writes]


def is_problem(answer: Any, status: int, code: str) -> bool:
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.text
    assert answer.json["type"] == f"/api/problems/{code}" and answer.json["status"] == status
    return bool(answer.json["title"] and answer.json["detail"] and answer.json["request_id"])


def fill(path: str, **ids: Any) -> str:
    """The path with an id for each of its variables; one that is not given is nobody's."""
    parts = path.replace("<uuid:", "<").split("<")
    named = [part.partition(">") for part in parts[1:]]
    return "/api" + parts[0] + "".join(f"{ids.get(name, ELSEWHERE)}{rest}" for name, _, rest in named)


@pytest.mark.case("A1")
def test_nobody_is_let_in_without_a_token(client: FlaskClient, organization: Any) -> None:
    for operation in OPERATIONS:
        address = fill(operation.path, organization_id=organization.id)
        answer = client.open(address, method=operation.method)
        assert is_problem(answer, 401, "token-needed")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_signed_in_browser_is_nobody_here(client: FlaskClient, organization: Any, sign_in: Any) -> None:
    sign_in(client, factories.make_admin())
    assert is_problem(client.get(f"/api/organizations/{organization.id}/members/"), 401, "token-needed")


@pytest.mark.parametrize("token", ["", "duesbook_", "duesbook_" + "A" * 66, "é" * 75])
def test_a_wrong_token_opens_nothing(client: FlaskClient, organization: Any, token: str) -> None:
    answer = client.get("/api/organizations/", headers={"Authorization": f"Bearer {token}"})
    assert is_problem(answer, 401, "token-needed")


def test_a_revoked_token_opens_nothing(admin: Program) -> None:
    assert admin.get("/api/organizations/").status_code == 200
    by = factories.make_login()
    with transaction():
        ApiToken.here().all()[0].revoke(by=by)
    assert is_problem(admin.get("/api/organizations/"), 401, "token-needed")


def test_a_token_finds_its_own_organization_only(admin: Program) -> None:
    factories.make_organization("Sigma Tau")
    found = admin.get("/api/organizations/").json["data"]
    assert [one["id"] for one in found] == [str(admin.organization.id)]


def test_a_refusal_by_role_is_a_problem(auditor: Program) -> None:
    for operation in WRITES:
        address = fill(operation.path, organization_id=auditor.organization.id)
        assert is_problem(auditor.send(operation.method, address, {}), 403, "not-allowed")


def test_an_auditors_token_reads_everything(auditor: Program, chapter: Chapter) -> None:
    names = ("members/", "billing-runs/", "payment-processors/", "payments/", "reports/trial-balance/")
    assert [auditor.get(name).status_code for name in names] == [200] * 5


@pytest.fixture
def two_members(chapter: Chapter) -> tuple[Member, Member]:
    """One of the treasurer's own chapter, one of another."""
    status = factories.make_status()
    other = factories.make_chapter("BET", "Beta Chapter")
    return factories.make_member(chapter, status), factories.make_member(other, status)


@pytest.mark.case("A4")
def test_a_treasurers_token_finds_the_own_chapters_rows_and_no_others(
    treasurer: Program, chapter: Chapter, two_members: tuple[Member, Member]
) -> None:
    mine, theirs = two_members
    with_debt = [factories.make_invoice(member=member) for member in two_members]
    ours = [invoice for invoice in with_debt if invoice.member_id == mine.id]
    assert [one["id"] for one in treasurer.get("members/").json["data"]] == [str(mine.id)]
    assert [one["code"] for one in treasurer.get("chapters/").json["data"]] == ["ALP"]
    assert {one["member_id"] for one in treasurer.get("invoices/").json["data"]} == {str(mine.id)}
    assert treasurer.get(f"/api/invoices/{ours[0].id}/").status_code == 200
    hidden = [
        f"/api/invoices/{with_debt[1].id}/",
        f"/api/members/{theirs.id}/balance/",
        f"members/{theirs.id}/",
        f"chapters/{theirs.chapter_id}/",
        f"/api/chapters/{theirs.chapter_id}/invoices/",
        f"/api/chapters/{theirs.chapter_id}/finances/ledger/",
    ]
    assert [treasurer.get(address).status_code for address in hidden] == [404] * 6
    void = treasurer.post(f"/api/invoices/{with_debt[1].id}/void/", {"reason": "Not mine"})
    assert is_problem(void, 404, "not-found")
    moved = treasurer.patch(f"members/{theirs.id}/", {"chapter_id": str(chapter.id)})
    assert is_problem(moved, 404, "not-found")


@pytest.mark.case("A4")
def test_a_treasurers_token_moves_nobody_into_another_chapter_and_sets_no_dues(
    treasurer: Program, two_members: tuple[Member, Member]
) -> None:
    mine, theirs = two_members
    moved = treasurer.patch(f"members/{mine.id}/", {"chapter_id": str(theirs.chapter_id)})
    assert is_problem(moved, 422, "invalid") and "chapter_id" in moved.json["errors"]
    paid = treasurer.post("payments/", {"member_id": str(theirs.id), "amount": 100, "method": "cash"})
    assert is_problem(paid, 422, "invalid") and "member_id" in paid.json["errors"]
    assert is_problem(treasurer.patch("dues-settings/", {"default_amount": 1}), 403, "not-allowed")
    assert is_problem(treasurer.get("reports/trial-balance/"), 403, "not-allowed")


def test_a_members_token_finds_what_is_the_members_own(
    client: FlaskClient, organization: Organization, two_members: tuple[Member, Member]
) -> None:
    mine, theirs = two_members
    invoices = {member.id: factories.make_invoice(member=member) for member in two_members}
    speaking = program(client, organization, RoleName.AUDITOR)
    with transaction() as session:
        login = session.get_one(Login, ApiToken.here().all()[0].login_id)
        roles.remove(Role.here().all(Role.login_id == login.id)[0], by=None)
        roles.grant(login, RoleName.MEMBER, member=Member.here().get(mine.id), by=None)
    assert {one["member_id"] for one in speaking.get("invoices/").json["data"]} == {str(mine.id)}
    assert speaking.get(f"invoices/?member={theirs.id}").json["data"] == []
    assert speaking.get(f"/api/members/{mine.id}/balance/").json["owed"] > 0
    assert is_problem(speaking.get(f"/api/members/{theirs.id}/balance/"), 404, "not-found")
    assert is_problem(speaking.get(f"/api/invoices/{invoices[theirs.id].id}/"), 404, "not-found")
    assert is_problem(speaking.get("members/"), 403, "not-allowed")
