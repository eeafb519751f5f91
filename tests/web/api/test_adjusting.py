"""Programs adjust invoices: at once within the limit, above it when somebody else has approved it."""

from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.web.api.conftest import Program, program
from tests.web.world import World
from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.approvals import Action, ApprovalRequest
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import RoleName

WAIVER = {"type": "waiver", "amount": 2_000, "reason": "Decided by the board"}
OWED = 34_000


@pytest.fixture
def treasurer(client: FlaskClient, world: World) -> Program:
    return program(client, world.organization, RoleName.TREASURER, world.chapter)


@pytest.fixture
def address(world: World) -> str:
    return f"/api/invoices/{world.ids['invoice_id']}/adjust/"


def allow(world: World, up_to: int) -> None:
    with tenancy.acting_for(world.organization.id):
        factories.allow_alone(RoleName.TREASURER, Action.ADJUSTMENT, up_to)


def owed(world: World) -> int:
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        return Invoice.here().get(world.ids["invoice_id"]).owed


def test_within_the_limit_it_is_done(treasurer: Program, world: World, address: str) -> None:
    allow(world, 5_000)
    answer = treasurer.post(address, WAIVER)
    assert (answer.status_code, answer.json["state"], answer.json["owed"]) == (200, "approved", OWED - 2_000)
    assert answer.json["approval_request_id"] is None
    assert owed(world) == OWED - 2_000


def test_above_it_waits_for_approval_and_nothing_has_changed(
    treasurer: Program, world: World, address: str
) -> None:
    answer = treasurer.post(address, WAIVER)
    assert (answer.status_code, answer.json["state"], owed(world)) == (202, "requested", OWED)
    with tenancy.acting_for(world.organization.id):
        request = ApprovalRequest.here().get(UUID(answer.json["approval_request_id"]))
        assert str(request.subject_id) == answer.json["id"]
        assert request.requested_by_token_id is not None
    read = treasurer.get(f"adjustments/{answer.json['id']}/")
    assert read.json["approval_request_id"] == answer.json["approval_request_id"]


def test_the_same_key_adjusts_once(treasurer: Program, world: World, address: str) -> None:
    allow(world, 5_000)
    first, again = (treasurer.post(address, WAIVER, key="the-same-order-1") for _ in range(2))
    assert first.json == again.json
    assert owed(world) == OWED - 2_000


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount": OWED + 1}, "Only $340.00 is still owed"),
        ({"type": "fee", "direction": "lowers"}, "can't do that"),
        ({"direction": "raises"}, "can't do that"),
        ({"payment_id": "01890000-0000-7000-8000-000000000000"}, "a payment of the member"),
        ({"currency": "EUR"}, "USD"),
    ],
)
def test_what_cannot_be_is_a_problem_with_a_sentence(
    treasurer: Program, world: World, address: str, changes: dict[str, Any], sentence: str
) -> None:
    answer = treasurer.post(address, WAIVER | changes)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert sentence in answer.text
    assert owed(world) == OWED


def test_a_correction_may_raise_what_is_owed(treasurer: Program, world: World, address: str) -> None:
    allow(world, 5_000)
    answer = treasurer.post(address, WAIVER | {"type": "correction", "direction": "raises"})
    assert (answer.json["direction"], answer.json["owed"]) == ("raises", OWED + 2_000)


def test_the_list_is_filtered_and_each_sees_its_own(
    client: FlaskClient, treasurer: Program, world: World, address: str
) -> None:
    allow(world, 5_000)
    made = treasurer.post(address, WAIVER | {"type": "credit"}).json["id"]
    assert [row["id"] for row in treasurer.get("adjustments/?type=credit").json["data"]] == [made]
    assert made not in str(treasurer.get("adjustments/?state=requested").json)
    assert [row["id"] for row in treasurer.get("adjustments/?state=approved").json["data"]] == [made]
    with tenancy.acting_for(world.organization.id):
        other = factories.make_chapter("GAM", "Gamma Chapter")
    neighbour = program(client, world.organization, RoleName.TREASURER, other)
    assert neighbour.get("adjustments/").json["data"] == []
    assert neighbour.get(f"adjustments/{made}/").status_code == 404
    assert neighbour.post(address, WAIVER).status_code == 404


def test_another_organizations_invoice_is_not_there(
    client: FlaskClient, world: World, elsewhere: World, address: str
) -> None:
    stranger = program(client, elsewhere.organization, RoleName.NATIONAL_ADMIN)
    assert stranger.post(address, WAIVER).status_code == 404
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        assert Adjustment.here().first(Adjustment.reason == WAIVER["reason"]) is None
