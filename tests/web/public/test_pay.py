import re
from urllib.parse import urlsplit

import pytest

from tests import factories
from tests.processor import Shop, fresh
from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Member
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.payment import Payment, PaymentState

HTMX = {"HX-Request": "true"}


def address(shop: Shop, invoice: Invoice) -> str:
    token = pay_link.token(invoice, wiring.settings().secret_key)
    return f"/o/{shop.organization.slug}/pay/{token}"


def test_the_link_in_the_mail_shows_what_is_owed(shop: Shop) -> None:
    invoice = shop.owed()
    page = shop.client.get(address(shop, invoice))
    assert page.status_code == 200
    assert "$400.00" in page.text and invoice.number in page.text
    assert "Pay $400.00" in page.text


def test_looking_at_the_page_starts_nothing(shop: Shop) -> None:
    shop.client.get(address(shop, shop.owed()))
    assert Checkout.here().all() == [] and shop.jobs.due() == []


def test_the_first_look_at_the_page_is_remembered(shop: Shop) -> None:
    invoice = shop.owed()
    assert invoice.first_opened_at is None
    shop.client.get(address(shop, invoice))
    first = fresh(Invoice, invoice.id).first_opened_at
    shop.client.get(address(shop, invoice))
    assert first is not None and fresh(Invoice, invoice.id).first_opened_at == first


def test_pay_leads_to_the_processor_s_page(shop: Shop) -> None:
    invoice = shop.owed()
    answer = shop.client.post(f"{address(shop, invoice)}/checkouts")
    assert answer.status_code == 303
    [checkout] = Checkout.here().all()
    assert answer.location == checkout.url
    assert urlsplit(checkout.url).netloc == urlsplit(shop.sandbox.url).netloc


def test_the_way_there_is_allowed_by_the_content_policy(shop: Shop) -> None:
    page = shop.client.get(address(shop, shop.owed()))
    [allowed] = re.findall(r"form-action ([^;]+)", page.headers["Content-Security-Policy"])
    assert "'self'" in allowed and "https://checkout.stripe.com" in allowed


@pytest.mark.case("K4")
def test_the_whole_way_to_the_page_and_back_without_any_script(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    to_pay = shop.client.post(f"{link}/checkouts").location
    done = shop.sandbox.pay(to_pay).location
    assert done is not None
    back = urlsplit(done).path
    waiting = shop.client.get(back)
    assert "We are asking the payment processor" in waiting.text
    assert fresh(Invoice, invoice.id).owed == 40_000
    looked = shop.client.post(f"{back}/looks")
    assert (looked.status_code, urlsplit(looked.location).path) == (303, back)
    shop.work()
    receipt = shop.client.get(back).text
    assert "Thank you. We have received $400.00" in receipt and "A receipt is on its way" in receipt
    assert fresh(Invoice, invoice.id).owed == 0


def test_the_receipt_says_what_was_paid_for_when_and_under_which_reference(shop: Shop) -> None:
    invoice = shop.owed()
    with transaction():
        Member.here().get(invoice.member_id).email = None
    link = address(shop, invoice)
    done = shop.sandbox.pay(shop.client.post(f"{link}/checkouts").location).location
    shop.hear()
    receipt = shop.client.get(urlsplit(str(done)).path).text
    [payment] = Payment.here().all()
    assert f"Invoice {invoice.number}" in receipt and "4242" in receipt
    assert str(payment.reference or payment.id) in receipt
    assert "This page is your receipt" in receipt and "on its way by mail" not in receipt
    assert shop.client.get(f"{link}/pdf").mimetype == "application/pdf" and f"{link}/pdf" in receipt


def test_the_page_says_why_each_line_is_owed(shop: Shop) -> None:
    page = shop.client.get(address(shop, factories.make_invoice(40_000, member=shop.member))).text
    assert "Why do I owe this?" in page and "Everyone this was decided for pays $400.00." in page


@pytest.mark.case("K4")
def test_the_return_page_never_believes_the_browser(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    shop.client.post(f"{link}/checkouts")
    [checkout] = Checkout.here().all()
    shop.client.get(f"{link}/checkouts/{checkout.id}?status=paid&success=1")
    shop.client.post(f"{link}/checkouts/{checkout.id}/looks", data={"state": "succeeded"})
    shop.work()
    assert fresh(Payment, checkout.payment_id).state is PaymentState.STARTED
    assert fresh(Invoice, invoice.id).owed == 40_000


def test_a_poll_swaps_the_same_partial_in(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    shop.client.post(f"{link}/checkouts")
    [checkout] = Checkout.here().all()
    part = shop.client.post(f"{link}/checkouts/{checkout.id}/looks", headers=HTMX)
    assert part.status_code == 200
    assert part.text.lstrip().startswith('<form class="waiting" id="outcome"')


def test_many_polls_ask_the_processor_rarely(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    shop.client.post(f"{link}/checkouts")
    [checkout] = Checkout.here().all()
    for _ in range(10):
        shop.client.post(f"{link}/checkouts/{checkout.id}/looks", headers=HTMX)
    assert len(shop.jobs.named("look_up_checkout")) <= 2 + 2


def test_a_bank_debit_says_that_it_takes_days(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    done = shop.sandbox.pay(shop.client.post(f"{link}/checkouts").location, "bank_waits").location
    shop.hear()
    assert "under way" in shop.client.get(urlsplit(str(done)).path).text
    assert "under way" in shop.client.get(link).text
    refused = shop.client.post(f"{link}/checkouts")
    assert refused.status_code == 409


def test_leaving_the_payment_page_says_that_nothing_was_taken(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    shop.client.post(f"{link}/checkouts")
    back = shop.sandbox.objects("checkout.session")[0]["cancel_url"]
    page = shop.client.get(back.removeprefix("http://localhost"))
    assert "nothing was taken" in page.text and "Pay $400.00" in page.text


def test_a_page_that_ran_out_offers_a_new_one(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    shop.client.post(f"{link}/checkouts")
    [checkout] = Checkout.here().all()
    shop.sandbox.act(str(checkout.session_reference), "expiry")
    shop.hear()
    page = shop.client.get(f"{link}/checkouts/{checkout.id}")
    assert "closed before anything was paid" in page.text and "Pay $400.00" in page.text


@pytest.mark.case("K28")
def test_the_link_of_a_void_invoice_takes_no_money(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    shop.void(invoice)
    page = shop.client.get(link)
    assert "cancelled" in page.text and "Pay $" not in page.text
    assert shop.client.post(f"{link}/checkouts").status_code == 409
    assert shop.sandbox.objects("checkout.session") == []


def test_without_a_processor_the_page_says_how_to_pay(shop: Shop) -> None:
    invoice = shop.owed()
    with transaction():
        shop.processor.disconnect(by=None)
    page = shop.client.get(address(shop, invoice))
    assert "does not take payments online" in page.text and "Pay $" not in page.text
    assert shop.client.post(f"{address(shop, invoice)}/checkouts").status_code == 409


def test_a_processor_that_does_not_answer_is_no_broken_page(shop: Shop) -> None:
    invoice = shop.owed()
    shop.sandbox.fault("server_error", count=2)
    answer = shop.client.post(f"{address(shop, invoice)}/checkouts")
    assert answer.status_code == 303
    assert "does not answer right now. We keep trying" in shop.client.get(answer.location).text
    assert shop.sandbox.url in shop.client.post(f"{address(shop, invoice)}/checkouts").location


def test_a_changed_or_replaced_link_is_not_found(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    assert shop.client.get(link[:-2] + ("AA" if link[-2:] != "AA" else "BB")).status_code == 404
    with transaction():
        Invoice.here().get(invoice.id, lock=True).pay_link_version += 1
    gone = shop.client.get(link)
    assert gone.status_code == 404
    assert "newest mail" in gone.text


@pytest.mark.case("K14")
def test_a_link_opens_nothing_in_another_organization(shop: Shop) -> None:
    invoice = shop.owed()
    link = address(shop, invoice)
    other = factories.make_organization("Other Union")
    assert shop.client.get(link.replace(shop.organization.slug, other.slug)).status_code == 404
    assert tenancy.organization_id() == shop.organization.id


def test_a_link_shows_only_its_own_invoice_s_checkouts(shop: Shop) -> None:
    mine, somebody_s = shop.owed(), shop.owed()
    theirs = shop.open(somebody_s)
    answer = shop.client.get(f"{address(shop, mine)}/checkouts/{theirs.id}")
    assert answer.status_code == 404
