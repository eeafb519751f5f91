"""Programs that close the books, and what they can't do then."""

from datetime import timedelta
from typing import Any

from tests.processor import Shop
from tests.web.api.conftest import Program
from webapp.domain.payments.payment import Payment


def test_nothing_is_dated_into_closed_books_without_a_reason_until_they_are_opened(
    shop: Shop, admin: Program
) -> None:
    yesterday = shop.organization.today - timedelta(days=1)
    paid: dict[str, Any] = {
        "member_id": str(shop.member_id),
        "amount": 500,
        "method": "cash",
        "received_on": yesterday.isoformat(),
    }
    closed = admin.post("closed-books/", {"day": yesterday.isoformat()})
    assert (closed.status_code, closed.get_json()["ends_on"]) == (201, yesterday.isoformat())
    refused = admin.post("payments/", paid)
    assert refused.status_code in (409, 422) and Payment.here().all() == []
    allowed = admin.post("payments/", paid | {"override_reason": "Found in the lock box"})
    assert allowed.status_code == 201
    at = f"closed-books/{closed.get_json()['id']}/reopening"
    assert admin.post(at, {"reason": "The month is not done"}).get_json()["reopened_at"]
    assert admin.post(at, {"reason": "The month is not done"}).status_code == 409
    assert admin.post("payments/", paid).status_code == 201
    assert [one["reopened_at"] is None for one in admin.get("closed-books/").get_json()["data"]] == [False]


def test_today_stays_open(shop: Shop, admin: Program) -> None:
    answer = admin.post("closed-books/", {"day": shop.organization.today.isoformat()})
    assert answer.status_code == 422 and "day" in str(answer.get_json())


def test_a_receipt_is_mailed_again_on_request(shop: Shop, admin: Program) -> None:
    payment = shop.paid(shop.owed())
    for _ in range(2):
        shop.work_and_mail()
        assert admin.post(f"payments/{payment.id}/receipt").status_code == 200
    waiting = admin.post("payments/", {"member_id": str(shop.member_id), "amount": 5, "method": "cash"})
    reversed_ = f"payments/{waiting.get_json()['id']}"
    admin.post(f"{reversed_}/reversal", {"reason": "Another member's"})
    assert admin.post(f"{reversed_}/receipt").status_code == 409
