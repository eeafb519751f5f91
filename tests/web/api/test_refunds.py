from typing import Any

import pytest

from tests import factories
from tests.processor import Shop, fresh
from tests.web.api.conftest import Program, program
from webapp.domain.organizations import Chapter, RoleName
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds.refund import Refund

BODY: dict[str, Any] = {"amount": 4_000, "reason": "Left the chapter"}


@pytest.fixture
def treasurer(shop: Shop) -> Program:
    return program(shop.client, shop.organization, RoleName.TREASURER, fresh(Chapter, shop.chapter_id))


def refund(asking: Program, invoice_id: object, body: dict[str, Any], **options: Any) -> Any:
    return asking.post(f"/api/invoices/{invoice_id}/refund/", body, **options)


def test_within_the_cap_it_is_under_way(shop: Shop, treasurer: Program) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    answer = refund(treasurer, invoice.id, BODY)
    assert answer.status_code == 200
    made = answer.get_json()
    assert (made["state"], made["payment_id"], made["approval_request_id"]) == (
        "released",
        str(payment.id),
        None,
    )
    shop.work()
    read = treasurer.get(f"refunds/{made['id']}/").get_json()
    assert (read["state"], read["amount"], read["currency"]) == ("succeeded", 4_000, "USD")
    assert [one["id"] for one in treasurer.get("refunds/?state=succeeded").get_json()["data"]] == [made["id"]]


def test_over_the_cap_it_is_accepted_and_names_the_request_that_waits(shop: Shop, treasurer: Program) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    answer = refund(treasurer, invoice.id, BODY | {"amount": 6_000})
    assert answer.status_code == 202
    assert answer.get_json()["state"] == "requested"
    assert answer.get_json()["approval_request_id"]
    shop.work()
    assert shop.sandbox.objects("refund") == []
    assert fresh(Payment, payment.id).returned == 0


def test_the_same_key_refunds_once(shop: Shop, treasurer: Program) -> None:
    invoice = shop.owed()
    shop.paid(invoice)
    answers = [refund(treasurer, invoice.id, BODY, key="k1") for _ in range(2)]
    assert answers[0].get_json() == answers[1].get_json()
    assert refund(treasurer, invoice.id, BODY | {"amount": 1}, key="k1").status_code == 422
    assert len(Refund.here().all()) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": 40_001}, "amount"),
        ({"amount": 0}, "amount"),
        ({"how": "check"}, "check_number"),
        ({"currency": "EUR"}, "currency"),
        ({"payment_id": "0198f2c4-7a10-7c3e-9d5b-2f6a1e8b4c70"}, "payment_id"),
        ({"state": "succeeded"}, "state"),
    ],
)
@pytest.mark.case("A3")
def test_what_can_not_be_done_is_said_at_its_field(
    shop: Shop, treasurer: Program, changes: dict[str, Any], field: str
) -> None:
    invoice = shop.owed()
    shop.paid(invoice)
    answer = refund(treasurer, invoice.id, BODY | changes)
    assert answer.status_code == 422
    assert field in str(answer.get_json())
    assert Refund.here().all() == []


@pytest.mark.case("K14")
def test_a_chapter_s_token_reaches_no_other_chapter_s_invoice(shop: Shop) -> None:
    invoice = shop.owed()
    shop.paid(invoice)
    stranger = program(
        shop.client, shop.organization, RoleName.TREASURER, factories.make_chapter("BET", "Beta Chapter")
    )
    assert refund(stranger, invoice.id, BODY).status_code == 404
    assert stranger.get("refunds/").get_json()["data"] == []
