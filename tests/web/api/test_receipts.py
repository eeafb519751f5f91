"""Programs record what came by hand: one by one, in batches, and take back what was wrong."""

from typing import Any

import pytest

from tests import factories
from tests.processor import make_owed
from tests.web.api.conftest import Program
from webapp.core.db import db
from webapp.domain.organizations import Chapter, Member
from webapp.domain.payments.payment import Payment, PaymentState


@pytest.fixture
def ada(chapter: Chapter) -> Member:
    status = factories.make_status()
    return factories.make_member(chapter, status, number="N1", first_name="Ada", last_name="Byron")


PAYMENTS, BATCHES = "payments/", "receipt-batches/"


def draft(**changes: Any) -> dict[str, Any]:
    lines = [{"member": "N1", "amount": 1_000, "reference": "1"}, {"member": "Ada Byron", "amount": 500}]
    return {
        "method": "check",
        "deposited_on": "2026-09-01",
        "deposit_reference": "D-17",
        "expected_count": 2,
        "expected_total": 1_500,
        "lines": lines,
    } | changes


def test_what_was_previewed_is_what_is_recorded(admin: Program, ada: Member) -> None:
    invoice = make_owed(ada, 1_000)
    paid = {"member_id": str(ada.id), "amount": 1_500, "method": "card_terminal", "receipt": False}
    seen = admin.post(f"{PAYMENTS}preview", paid).json
    assert (seen["rest"], seen["allocations"], seen["alike"]) == (
        500,
        [{"invoice_id": str(invoice.id), "amount": 1_000}],
        [],
    )
    assert Payment.here().all() == []
    recorded = admin.post(PAYMENTS, paid | {"seen": seen["seen"]})
    assert (recorded.status_code, recorded.json["method"]) == (201, "card_terminal")
    changed = admin.post(PAYMENTS, paid | {"seen": seen["seen"]})
    assert (changed.status_code, changed.json["type"].rsplit("/", 1)[-1]) == (409, "preview-changed")
    assert len(admin.post(f"{PAYMENTS}preview", paid).json["alike"]) == 1


def test_a_batch_is_drafted_and_posted(admin: Program, ada: Member) -> None:
    made = admin.post(BATCHES, draft()).json
    assert [line["member_id"] for line in made["lines"]] == [str(ada.id)] * 2
    posted = admin.post(f"{BATCHES}{made['id']}/posting", {})
    assert (posted.status_code, posted.json["state"]) == (200, "posted")
    assert all(line["payment_id"] for line in posted.json["lines"])
    again = admin.post(f"{BATCHES}{made['id']}/posting", {})
    assert again.status_code == 409
    db.session.rollback()
    assert sorted(one.amount for one in Payment.here().all()) == [500, 1_000]


def test_a_batch_that_is_not_what_the_slip_says_is_refused(admin: Program, ada: Member) -> None:
    made = admin.post(BATCHES, draft(expected_total=2_000)).json
    refused = admin.post(f"{BATCHES}{made['id']}/posting", {})
    assert refused.status_code == 422
    assert "$5.00 missing" in refused.json["detail"]


@pytest.mark.case("K22")
def test_what_may_have_been_recorded_before_is_posted_when_a_program_is_sure(
    admin: Program, ada: Member
) -> None:
    first, second = (admin.post(BATCHES, draft()).json["id"] for _ in range(2))
    admin.post(f"{BATCHES}{first}/posting", {})
    asked = admin.post(f"{BATCHES}{second}/posting", {})
    assert (asked.status_code, asked.json["type"].rsplit("/", 1)[-1]) == (409, "needs-a-second-look")
    assert admin.post(f"{BATCHES}{second}/posting", {"sure": True}).status_code == 200


def test_a_payment_is_reversed_once(admin: Program, ada: Member) -> None:
    paid = {"member_id": str(ada.id), "amount": 1_500, "method": "cash"}
    made = admin.post(PAYMENTS, paid).json["id"]
    reversed_ = admin.post(f"{PAYMENTS}{made}/reversal", {"reason": "Entered twice"})
    assert (reversed_.status_code, reversed_.json["state"]) == (200, PaymentState.REVERSED)
    assert admin.post(f"{PAYMENTS}{made}/reversal", {"reason": "Entered twice"}).status_code == 409
