"""Programs that answer disputes, handle failed refunds and tidy up drafts, as officers do on pages."""

from typing import Any

import pytest

from tests import factories
from tests.processor import Shop, fresh
from tests.web.api.conftest import Program, program
from tests.web.specimens import make_batch, make_failed_refund
from webapp.core.db import transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, RoleName
from webapp.domain.payments.batches import ReceiptBatch, ReceiptLine
from webapp.domain.refunds.refund import Refund

WORDS = {"statement": "Ana was at the congress, as the list of guests shows."}


@pytest.fixture
def treasurer(shop: Shop) -> Program:
    return program(shop.client, shop.organization, RoleName.TREASURER, fresh(Chapter, shop.chapter_id))


@pytest.fixture
def contested(shop: Shop) -> Invoice:
    """Paid, and then contested by the payer's bank."""
    invoice = shop.owed()
    shop.paid(invoice)
    shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    shop.hear()
    return invoice


def the_dispute(asking: Program) -> dict[str, Any]:
    [found] = asking.get("disputes/").get_json()["data"]
    return dict(found)


def test_the_records_are_a_pdf_and_an_answer_takes_them_to_the_bank_once(
    shop: Shop, treasurer: Program, contested: Invoice
) -> None:
    at = f"disputes/{the_dispute(treasurer)['id']}/"
    records = treasurer.get(at + "records")
    assert (records.mimetype, records.data[:5]) == ("application/pdf", b"%PDF-")
    told = treasurer.post(at + "answer", WORDS, key="k1").get_json()
    assert [one["state"] for one in told["answers"]] == ["promised"]
    assert treasurer.post(at + "answer", WORDS, key="k1").get_json() == told
    assert treasurer.post(at + "answer", WORDS, key="k2").status_code == 409
    shop.work()
    read = treasurer.get(at).get_json()
    assert (read["state"], read["answers"][0]["state"]) == ("under_review", "sent")
    assert shop.latest("dispute")["evidence"]["uncategorized_text"] == WORDS["statement"]


def test_who_gives_in_lets_the_payer_keep_the_money_and_the_debt_is_owed_again(
    shop: Shop, treasurer: Program, contested: Invoice
) -> None:
    at = f"disputes/{the_dispute(treasurer)['id']}/"
    assert treasurer.post(at + "accept").status_code == 200
    shop.work()
    read = treasurer.get(at).get_json()
    assert (read["state"], read["owed_again"]) == ("lost", 40_000)
    assert fresh(Invoice, contested.id).owed == 40_000
    assert treasurer.post(at + "accept").status_code == 409


@pytest.mark.case("K14")
def test_the_token_of_another_chapter_neither_reads_nor_answers(
    shop: Shop, treasurer: Program, contested: Invoice
) -> None:
    at = f"disputes/{the_dispute(treasurer)['id']}/"
    elsewhere = factories.make_chapter("BET", "Beta Chapter")
    stranger = program(shop.client, shop.organization, RoleName.TREASURER, elsewhere)
    answers = [stranger.get(at), stranger.get(at + "records"), stranger.post(at + "answer", WORDS)]
    assert {answer.status_code for answer in answers} == {404}
    assert treasurer.get(at).get_json()["answers"] == []


def test_a_failed_refund_is_marked_as_handled_once_and_another_is_none(
    shop: Shop, treasurer: Program
) -> None:
    payment = shop.paid(shop.owed())
    with transaction() as session:
        session.add(failed := make_failed_refund(payment))
    at = f"refunds/{failed.id}/failure-handled"
    told = [treasurer.post(at).get_json()["failure_handled_at"] for _ in range(2)]
    assert told[0] and told[0] == told[1]
    with transaction():
        failed = fresh(Refund, failed.id)
        failed.failed_at = failed.failure_handled_at = None
    assert treasurer.post(at).status_code == 409


def test_a_draft_is_discarded_with_its_lines(shop: Shop, treasurer: Program) -> None:
    chapter = fresh(Chapter, shop.chapter_id)
    batch = make_batch(chapter, [(shop.member.number, "1.00")], factories.make_login())
    answer = treasurer.send("DELETE", f"receipt-batches/{batch.id}/")
    assert (answer.status_code, len(answer.get_json()["lines"])) == (200, 1)
    assert (ReceiptBatch.here().all(), ReceiptLine.here().all()) == ([], [])
    assert treasurer.get(f"receipt-batches/{batch.id}/").status_code == 404
