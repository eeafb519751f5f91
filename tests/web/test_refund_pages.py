import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.processor import Shop, fresh
from webapp.core.db import transaction
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import Code
from webapp.domain.organizations import Chapter, Login, Member, RoleName
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.refunds.refund import Refund, RefundState


@dataclass
class Office:
    """The treasurer signed in, and a paid invoice."""

    shop: Shop
    here: str
    treasurer: Login
    invoice: Invoice
    payment: Payment

    @property
    def form(self) -> str:
        return f"{self.here}/invoices/{self.invoice.id}/refund"

    def typed(self, amount: str, **changes: str) -> dict[str, str]:
        usual = {
            "payment": str(self.payment.id),
            "amount": amount,
            "how": "original",
            "afterwards": "settled",
            "reason": "Left the chapter",
        }
        return usual | changes

    def post(self, amount: str, **changes: str) -> Any:
        return self.shop.client.post(self.form, data=self.typed(amount, **changes))


@pytest.fixture
def office(shop: Shop, sign_in: Callable[..., Any]) -> Office:
    chapter = fresh(Chapter, shop.chapter_id)
    treasurer = factories.make_login("Tom Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=chapter)
    sign_in(shop.client, treasurer)
    invoice = shop.owed()
    payment = shop.paid(invoice)
    here = f"/o/{shop.organization.slug}/chapters/{chapter.code}"
    return Office(shop, here, treasurer, invoice, payment)


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_form_shows_what_can_go_back_and_what_is_left_of_the_cap(office: Office) -> None:
    client = office.shop.client
    invoice = client.get(f"{office.here}/invoices/{office.invoice.id}").text
    assert f"/invoices/{office.invoice.id}/refund" in invoice
    page = client.get(office.form).text
    assert "$400.00 can go back" in page and "$50.00" in page
    office.post("40.00")
    page = client.get(office.form).text
    assert "$360.00 can go back" in page and "$10.00" in page


def test_the_preview_says_what_the_books_will_say_and_changes_nothing(office: Office) -> None:
    page = office.shop.client.get(office.form, query_string=office.typed("40.00", afterwards="owed"))
    assert page.status_code == 200
    assert "1200 Accounts receivable" in page.text and "1010 Processor clearing" in page.text
    assert "Refund $40.00" in page.text
    assert Refund.here().all() == []


def test_a_refund_within_the_cap_is_made_and_stands_in_the_list(office: Office) -> None:
    assert office.post("40.00").status_code == 303
    office.shop.work()
    [row] = rows_of(office.shop.client.get(f"{office.here}/refunds/?format=csv"))
    assert (row["amount"], row["state"], row["requested_by"]) == ("40.00", "succeeded", "Tom Treasurer")
    assert "$40.00" in office.shop.client.get(f"{office.here}/refunds/?state=succeeded").text
    assert "No refunds match" in office.shop.client.get(f"{office.here}/refunds/?state=denied").text
    assert "Refunded" in office.shop.client.get(f"{office.here}/invoices/{office.invoice.id}").text


@pytest.mark.case("K21")
def test_a_refund_whose_answer_got_lost_is_neither_shown_as_failed_nor_made_again(office: Office) -> None:
    shop, invoice_page = office.shop, f"{office.here}/invoices/{office.invoice.id}"
    shop.sandbox.fault("server_error", method="POST", path="/v1/refunds", carried_out=True, count=2)
    office.post("40.00")
    shop.work()
    [row] = rows_of(shop.client.get(f"{office.here}/refunds/?format=csv"))
    assert row["state"] == "released"
    assert "Being sent" in shop.client.get(invoice_page).text
    assert "At most $360.00" in office.post("400.00").text
    with transaction():
        PaymentProcessor.here().get(shop.processor_id).rests_until = None
    shop.work_later()
    assert "Refunded" in shop.client.get(invoice_page).text
    assert [one["amount"] for one in shop.sandbox.objects("refund")] == [4_000]


def test_sixty_with_a_cap_of_fifty_waits_and_says_so(office: Office) -> None:
    preview = office.shop.client.get(office.form, query_string=office.typed("60.00")).text
    assert "above what you may refund alone" in preview and "Ask to refund $60.00" in preview
    answer = office.shop.client.post(office.form, data=office.typed("60.00"), follow_redirects=True)
    assert "It waits for approval; no money has moved" in answer.text
    office.shop.work()
    assert [refund.state for refund in Refund.here().all()] == [RefundState.REQUESTED]
    assert [request.amount for request in ApprovalRequest.here().all()] == [6_000]
    assert office.shop.balance(Code.REFUNDS) == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount": ""}, "Enter how much goes back."),
        ({"amount": "400.01"}, "At most $400.00"),
        ({"amount": "four"}, "four"),
        ({"how": "check"}, "Enter the number of the check."),
        ({"reason": " "}, "Say why."),
        ({"payment": "somebody"}, "Not a valid choice"),
    ],
)
def test_bad_input_is_said_at_its_field_and_nothing_typed_is_lost(
    office: Office, changes: dict[str, str], sentence: str
) -> None:
    for answer in (
        office.shop.client.post(office.form, data=office.typed("40.00") | changes),
        office.shop.client.get(office.form, query_string=office.typed("40.00") | changes),
    ):
        assert answer.status_code == 422
        assert sentence in answer.text
        assert changes.get("reason", "Left the chapter").strip() in answer.text
    assert Refund.here().all() == []


@pytest.mark.case("F13")
def test_a_double_click_refunds_once(office: Office) -> None:
    answers = [office.post("20.00", form_key="once") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(Refund.here().all()) == 1


@pytest.mark.case("A3")
def test_fields_that_nobody_offers_change_nothing(office: Office) -> None:
    office.post(
        "60.00",
        state="succeeded",
        needs_approval="",
        requested_by_id=str(factories.make_login().id),
        released_by_id=str(office.treasurer.id),
        processor_reference="re_mine",
        organization_id="0198f2c4-7a10-7c3e-9d5b-2f6a1e8b4c70",
    )
    [refund] = Refund.here().all()
    assert (refund.state, refund.needs_approval) == (RefundState.REQUESTED, True)
    assert (refund.requested_by_id, refund.released_by_id) == (office.treasurer.id, None)
    assert refund.processor_reference is None


@pytest.mark.case("A4")
def test_auditors_members_and_treasurers_of_elsewhere_refund_nothing(
    office: Office, sign_in: Callable[..., Any]
) -> None:
    auditor, stranger, payer = (factories.make_login(name) for name in ("Olga", "Bea", "Ana"))
    other = factories.make_chapter("BET", "Beta Chapter")
    factories.make_role(auditor, RoleName.AUDITOR)
    factories.make_role(stranger, RoleName.TREASURER, chapter=other)
    factories.make_role(payer, RoleName.MEMBER, member=fresh(Member, office.shop.member_id))
    for login, status in ((auditor, {403}), (stranger, {403, 404}), (payer, {403, 404})):
        browser: FlaskClient = office.shop.client.application.test_client()
        sign_in(browser, login)
        assert browser.post(office.form, data=office.typed("10.00")).status_code in status
        elsewhere = f"/o/{office.shop.organization.slug}/chapters/BET/invoices/{office.invoice.id}/refund"
        assert browser.post(elsewhere, data=office.typed("10.00")).status_code in {403, 404}
    assert Refund.here().all() == []


def test_a_payment_of_another_invoice_can_not_be_named(office: Office) -> None:
    other = office.shop.paid(office.shop.owed(1_000))
    answer = office.post("5.00", payment=str(other.id))
    assert answer.status_code == 422
    assert Refund.here().all() == []


def test_the_member_follows_the_refund_and_nothing_that_officers_weigh(
    office: Office, sign_in: Callable[..., Any]
) -> None:
    member = factories.make_login("Ana")
    factories.make_role(member, RoleName.MEMBER, member=fresh(Member, office.shop.member_id))
    browser: FlaskClient = office.shop.client.application.test_client()
    sign_in(browser, member)
    address = f"/o/{office.shop.organization.slug}/my/invoices/{office.invoice.id}"
    office.post("10.00", how="check", check_number="2041")
    office.post("60.00")
    page = browser.get(address).text
    assert "Refunded $10.00" in page and "Given back to the payer" in page
    assert "60.00" not in page


def test_what_came_by_hand_is_offered_to_go_back_by_check_alone(office: Office) -> None:
    invoice = office.shop.owed(9_000)
    check = office.shop.record(invoice, 9_000)
    form = f"{office.here}/invoices/{invoice.id}/refund"
    page = office.shop.client.get(form).text
    assert "To the original method" not in page and "By check" in page
    typed = office.typed("10.00", payment=str(check.id))
    refused = office.shop.client.post(form, data=typed)
    assert refused.status_code == 422 and "Not a valid choice" in refused.text
    typed |= {"how": "check", "check_number": "2041"}
    assert office.shop.client.post(form, data=typed).status_code == 303


def test_the_invoice_and_the_payment_say_what_is_not_over_yet(office: Office) -> None:
    office.post("60.00")
    [asked] = ApprovalRequest.here().all()
    page = office.shop.client.get(f"{office.here}/invoices/{office.invoice.id}").text
    assert "A refund of $60.00 is not over yet" in page and f"/approvals/{asked.id}" in page
    opened = office.shop.sandbox.act(office.shop.latest("charge")["id"], "dispute")
    office.shop.hear()
    [dispute] = Dispute.here().all(Dispute.reference == opened["id"])
    page = office.shop.client.get(f"{office.here}/invoices/{office.invoice.id}").text
    assert "contested by the payer" in page and f"/disputes/{dispute.id}/" in page
    page = office.shop.client.get(f"{office.here}/payments/{office.payment.id}/").text
    assert f"/disputes/{dispute.id}/" in page and "Waiting for approval" in page
