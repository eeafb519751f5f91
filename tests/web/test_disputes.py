"""The desk for disputes: what waits and how long, answering with our records, giving in, and who may."""

from collections.abc import Callable
from typing import Any

import pytest

from tests import factories
from tests.autopaying import keep, save_method
from tests.processor import Shop, fresh
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import evidence
from webapp.domain.organizations import Chapter, Login, RoleName
from webapp.domain.payments.disputes import AnswerState, Dispute, DisputeAnswer
from webapp.domain.payments.gateway import DisputeState

WORDS = "Ana paid her dues on our page and lived in the house all term."


@pytest.fixture
def treasurer(shop: Shop) -> Login:
    login = factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=fresh(Chapter, shop.chapter_id))
    return login


@pytest.fixture
def desk(shop: Shop, treasurer: Login, sign_in: Callable[..., Any]) -> str:
    """The treasurer, signed in; the address of the chapter's pages."""
    sign_in(shop.client, treasurer)
    return f"/o/{shop.organization.slug}/chapters/{fresh(Chapter, shop.chapter_id).code}"


def disputed(shop: Shop, invoice: Invoice | None = None, **values: Any) -> Dispute:
    shop.paid(invoice or shop.owed())
    opened = shop.sandbox.act(shop.latest("charge")["id"], "dispute", **values)
    shop.hear()
    [dispute] = Dispute.here().all(Dispute.reference == opened["id"])
    return dispute


def state_of(dispute_id: Any) -> DisputeState:
    return fresh(Dispute, dispute_id).state


def test_a_dispute_waits_at_home_and_in_the_list_with_the_days_that_are_left(shop: Shop, desk: str) -> None:
    dispute_id = disputed(shop, reason="product_not_received").id
    assert "1 dispute waits for your answer · $400.00 · 8 days left" in shop.client.get(f"{desk}/").text
    listed = shop.client.get(f"{desk}/disputes/?show=waiting").text
    assert "8 days left" in listed and "Needs an answer" in listed and "$400.00" in listed
    page = shop.client.get(f"{desk}/disputes/{dispute_id}/").text
    assert "the payer says nothing was received for it" in page
    assert "Taken out by the processor: $400.00" in page and "Fee $15.00" in page
    lines = shop.client.get(f"{desk}/disputes/?format=csv").text.splitlines()
    assert len(lines) == 2 and "needs_response" in lines[1]


def test_the_treasurer_answers_with_words_and_records_once(shop: Shop, desk: str) -> None:
    dispute_id = disputed(shop).id
    answer = {"statement": WORDS, "form_key": "answered-once"}
    for _ in range(2):
        assert shop.client.post(f"{desk}/disputes/{dispute_id}/answer", data=answer).status_code == 303
    assert "Your answer is on its way" in shop.client.get(f"{desk}/disputes/{dispute_id}/").text
    assert "waits for your answer" not in shop.client.get(f"{desk}/").text
    shop.hear()
    assert state_of(dispute_id) is DisputeState.UNDER_REVIEW
    told = shop.latest("dispute")["evidence"]
    assert told["uncategorized_text"] == WORDS
    assert told["uncategorized_file"] == shop.latest("file")["id"]
    assert told["product_description"].startswith("Membership dues of Pi Chi Fraternity")
    [sent] = DisputeAnswer.here().all()
    assert sent.state is AnswerState.SENT
    page = shop.client.get(f"{desk}/disputes/{dispute_id}/").text
    assert "Handed to the processor" in page and "The bank looks into your answer" in page


def test_an_answer_without_words_is_not_sent_and_says_why(shop: Shop, desk: str) -> None:
    dispute_id = disputed(shop).id
    refused = shop.client.post(f"{desk}/disputes/{dispute_id}/answer", data={"statement": "  "})
    assert refused.status_code == 422
    assert "Say in your own words why the payment was right." in refused.text
    assert DisputeAnswer.here().all() == []


def test_giving_in_is_asked_for_once_more_and_makes_the_invoice_owed_again(shop: Shop, desk: str) -> None:
    invoice = shop.owed()
    dispute_id, invoice_id = disputed(shop, invoice).id, invoice.id
    asked = shop.client.get(f"{desk}/disputes/{dispute_id}/acceptance").text
    assert "$400.00 stays with" in asked
    assert shop.client.post(f"{desk}/disputes/{dispute_id}/acceptance").status_code == 303
    shop.hear()
    assert state_of(dispute_id) is DisputeState.LOST
    assert fresh(Invoice, invoice_id).owed == 40_000
    assert "The money stays with the payer" in shop.client.get(f"{desk}/disputes/{dispute_id}/").text


def test_an_answer_that_comes_too_late_says_so(shop: Shop, desk: str) -> None:
    dispute = disputed(shop)
    dispute_id, reference = dispute.id, dispute.reference
    shop.sandbox.act(reference, "loss")
    shop.client.post(f"{desk}/disputes/{dispute_id}/answer", data={"statement": WORDS})
    shop.work()
    [answer] = DisputeAnswer.here().all()
    db.session.refresh(answer)
    assert answer.state is AnswerState.REFUSED
    assert state_of(dispute_id) is DisputeState.LOST
    assert "Refused by the processor" in shop.client.get(f"{desk}/disputes/{dispute_id}/").text


def test_the_records_of_a_collected_payment_show_what_the_member_agreed_to_when_and_from_where(
    shop: Shop, sign_in: Callable[..., Any]
) -> None:
    kept = keep(shop)
    method = save_method(shop)
    sign_in(shop.client, kept.ana)
    shop.client.post(
        f"/o/{shop.organization.slug}/my/payment-plans/{kept.plan_id}/autopay",
        data={"method_id": str(method.id), "words": kept.words},
        environ_overrides={"REMOTE_ADDR": "203.0.113.7"},
    )
    kept.night()
    shop.work_and_mail()
    opened = shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    shop.hear()

    with transaction():
        dispute = db.session.scalars(evidence.with_payer(Dispute.reference == opened["id"])).one()
        records = evidence.records_of(dispute, shop.organization)

    assert records.consent is not None and records.consent.words == kept.words
    told = dict(records.consent.facts)
    assert told["Given by"] == "Ana Núñez" and told["Given from"] == "network address 203.0.113.7"
    assert told["Payment method chosen"] == "Visa ending 4242" and "Given on" in told
    assert told["Collected for"].startswith("Down payment of $100.00, due on")
    steps = [text for _, text in records.steps]
    assert "Collected from the saved payment method, as agreed" in steps
    assert any(text.startswith("“Autopay is on for your payment plan” mailed to") for text in steps)


def test_the_records_are_a_pdf_of_what_we_know(shop: Shop, desk: str) -> None:
    dispute_id = disputed(shop).id
    records = shop.client.get(f"{desk}/disputes/{dispute_id}/records.pdf")
    assert records.mimetype == "application/pdf" and records.data.startswith(b"%PDF-")


def test_a_returned_debit_takes_no_answer(shop: Shop, desk: str) -> None:
    shop.pay(shop.open(shop.owed()), "bank_waits")
    shop.sandbox.act(shop.latest("payment_intent")["id"], "settlement")
    shop.sandbox.act(shop.latest("charge")["id"], "return")
    shop.hear()
    [dispute] = Dispute.here().all()
    page = shop.client.get(f"{desk}/disputes/{dispute.id}/").text
    assert "The bank took the debit back: the account did not hold enough money" in page
    assert "Send words and records" not in page
    refused = shop.client.post(f"{desk}/disputes/{dispute.id}/answer", data={"statement": WORDS})
    assert refused.status_code == 409


def test_a_treasurer_sees_and_answers_nothing_of_another_chapter(
    shop: Shop, sign_in: Callable[..., Any]
) -> None:
    dispute_id = disputed(shop).id
    other = factories.make_chapter("BET", "Beta Chapter")
    neighbour = factories.make_login("Bea Treasurer")
    factories.make_role(neighbour, RoleName.TREASURER, chapter=other)
    sign_in(shop.client, neighbour)
    here = f"/o/{shop.organization.slug}/chapters/BET"
    assert "$400.00" not in shop.client.get(f"{here}/disputes/").text
    for address in ("", "records.pdf", "acceptance"):
        assert shop.client.get(f"{here}/disputes/{dispute_id}/{address}").status_code == 404
    for action in ("answer", "acceptance"):
        sent = shop.client.post(f"{here}/disputes/{dispute_id}/{action}", data={"statement": WORDS})
        assert sent.status_code == 404
    assert DisputeAnswer.here().all() == []


def test_an_auditor_reads_and_answers_nothing(shop: Shop, sign_in: Callable[..., Any]) -> None:
    dispute_id = disputed(shop).id
    auditor = factories.make_login("Olga Auditor")
    factories.make_role(auditor, RoleName.AUDITOR)
    sign_in(shop.client, auditor)
    here = f"/o/{shop.organization.slug}/national"
    assert "Send words and records" not in shop.client.get(f"{here}/disputes/{dispute_id}/").text
    sent = shop.client.post(f"{here}/disputes/{dispute_id}/answer", data={"statement": WORDS})
    assert sent.status_code == 403
