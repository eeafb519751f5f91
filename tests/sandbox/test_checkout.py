import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tests.sandbox.conftest import event_types, open_session
from tests.sandbox.control import SandboxControl
from webapp.sandbox import specification

DECLINES = {
    "generic_decline": ("card_declined", "generic_decline"),
    "insufficient_funds": ("card_declined", "insufficient_funds"),
    "lost_card": ("card_declined", "lost_card"),
    "stolen_card": ("card_declined", "stolen_card"),
    "expired_card": ("expired_card", None),
    "incorrect_cvc": ("incorrect_cvc", None),
    "processing_error": ("processing_error", None),
}


def test_a_new_session_is_open_and_knows_no_intent_yet(client: stripe.StripeClient) -> None:
    session = open_session(client)
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert session.amount_total == 5000
    assert session.id.startswith("cs_test_")
    assert session.expires_at - session.created == 24 * 3600


def test_paying_by_card_leads_back_and_completes_the_session(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    session = open_session(client)
    page = control.pay(session.url)
    assert (page.status, page.location) == (303, f"http://localhost/done?session={session.id}")
    paid = client.v1.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert event_types(client) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_the_intent_has_the_metadata_meant_for_it_and_not_the_session_s(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    session = open_session(client)
    control.pay(session.url)
    paid = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert paid.metadata.to_dict() == {"invoice": "session-side"}
    assert paid.payment_intent.metadata.to_dict() == {"invoice": "intent-side"}
    assert paid.payment_intent.latest_charge.metadata.to_dict() == {"invoice": "intent-side"}


@pytest.mark.parametrize("instrument", DECLINES)
def test_a_declined_card_says_why_and_another_card_still_pays(
    client: stripe.StripeClient, control: SandboxControl, instrument: str
) -> None:
    session = open_session(client)
    page = control.pay(session.url, instrument)
    assert page.status == 402
    assert "Nothing was paid" in page.text
    tried = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    error = tried.payment_intent.last_payment_error.to_dict()
    assert (tried.status, tried.payment_intent.status) == ("open", "requires_payment_method")
    assert (error["code"], error.get("decline_code")) == DECLINES[instrument]
    assert event_types(client)[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert control.pay(session.url).status == 303
    paid = client.v1.checkout.sessions.retrieve(session.id)
    assert (paid.payment_status, paid.payment_intent) == ("paid", tried.payment_intent.id)


def test_a_bank_that_asks_is_told_yes_or_no(client: stripe.StripeClient, control: SandboxControl) -> None:
    session = open_session(client)
    refused = control.refuse(control.pay(session.url, "authentication"))
    assert refused.status == 402
    intent = client.v1.payment_intents.list().data[0]
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    approved = control.approve(control.pay(session.url, "authentication"))
    assert approved.status == 303
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_test_number_may_be_typed_and_a_real_one_may_not(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    session = open_session(client)
    assert control.pay(session.url, number="4111 1111 1111 1111").status == 422
    assert control.pay(session.url, number="4000 0000 0000 9995").status == 402
    assert control.pay(session.url, number="4242-4242-4242-4242").status == 303


def test_the_page_says_that_it_is_a_sandbox_what_is_paid_and_to_whom(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    control.name_account("sk_test_chapters", "Pi <Chi> Fraternity")
    page = control.browse(open_session(client).url)
    assert page.status == 200
    for words in (
        "No card is charged",
        "$50.00",
        "Fall dues",
        "Pi &lt;Chi&gt; Fraternity",
        "http://localhost/back",
    ):
        assert words in page.text
    assert "<script" not in page.text


def test_paying_twice_at_once_charges_once(client: stripe.StripeClient, control: SandboxControl) -> None:
    session = open_session(client)
    with ThreadPoolExecutor(8) as people:
        pages = list(people.map(lambda _: control.pay(session.url), range(8)))
    assert {page.status for page in pages} == {303}
    assert len(client.v1.charges.list().data) == 1


def test_an_expired_session_takes_no_money_and_cannot_be_expired_again(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    session = open_session(client)
    control.pay(session.url, "generic_decline")
    expired = client.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    assert client.v1.payment_intents.retrieve(expired.payment_intent).status == "canceled"
    assert control.pay(session.url).status == 410
    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions with a status in"):
        client.v1.checkout.sessions.expire(session.id)
    assert event_types(client)[-1] == "checkout.session.expired"


def test_a_paid_session_cannot_be_expired(client: stripe.StripeClient, control: SandboxControl) -> None:
    session = open_session(client)
    control.pay(session.url)
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        client.v1.checkout.sessions.expire(session.id)


def test_a_session_expires_by_itself(client: stripe.StripeClient, control: SandboxControl) -> None:
    session = open_session(client, expires_at=int(time.time()) + 31 * 60)
    control.advance(32 * 60)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert event_types(client) == ["checkout.session.expired"]


@pytest.mark.parametrize("minutes", [10, 25 * 60])
def test_a_session_lives_half_an_hour_to_a_day(client: stripe.StripeClient, minutes: int) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="between 30 minutes and 24 hours") as refusal:
        open_session(client, expires_at=int(time.time()) + minutes * 60)
    assert refusal.value.param == "expires_at"


def test_the_intent_of_a_session_cannot_be_cancelled(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    session = open_session(client)
    control.pay(session.url, "generic_decline")
    intent = client.v1.checkout.sessions.retrieve(session.id).payment_intent
    with pytest.raises(stripe.InvalidRequestError, match="created by a Checkout Session"):
        client.v1.payment_intents.cancel(intent)


def test_a_bank_debit_is_complete_but_unpaid_until_it_settles(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    session = open_session(client)
    control.pay(session.url, "bank_waits")
    waiting = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert (waiting.payment_intent.status, waiting.payment_intent.latest_charge.status) == (
        "processing",
        "pending",
    )
    control.act(waiting.payment_intent.id, "settlement")
    settled = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (settled.payment_status, settled.payment_intent.status) == ("paid", "succeeded")
    assert event_types(client)[-4:] == [
        "checkout.session.completed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


def test_a_bank_debit_can_come_back_unpaid(client: stripe.StripeClient, control: SandboxControl) -> None:
    control.settings(ach_delay=4 * 24 * 3600)
    session = open_session(client)
    control.pay(session.url, "bank_fails")
    control.advance(4 * 24 * 3600)
    returned = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (returned.status, returned.payment_status) == ("complete", "unpaid")
    assert returned.payment_intent.status == "requires_payment_method"
    assert returned.payment_intent.latest_charge.failure_code == "insufficient_funds"
    assert event_types(client)[-3:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]


def test_a_bank_debit_settles_after_its_delay(client: stripe.StripeClient, control: SandboxControl) -> None:
    control.settings(ach_delay=60)
    session = open_session(client)
    control.pay(session.url, "bank_settles")
    control.advance(59)
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    control.advance(2)
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_card_is_saved_with_the_customer_when_the_session_asks_for_it(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    customer = client.v1.customers.create({"email": "member@example.org"})
    session = open_session(
        client, customer=customer.id, payment_intent_data={"setup_future_usage": "off_session"}
    )
    control.pay(session.url)
    saved = client.v1.customers.payment_methods.list(customer.id).data
    assert [(method.type, method.card.last4) for method in saved] == [("card", "4242")]
    assert "payment_method.attached" in event_types(client)


def test_a_session_can_save_a_card_without_taking_money(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    customer = client.v1.customers.create({"email": "member@example.org"})
    session = client.v1.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "customer": customer.id, "success_url": "http://localhost/done"}
    )
    assert control.pay(session.url, "generic_decline").status == 402
    assert control.pay(session.url, "declined_later").status == 303
    setup = client.v1.setup_intents.retrieve(session.setup_intent)
    assert setup.status == "succeeded"
    assert client.v1.charges.list().data == []


def test_expanded_answers_fit_the_description(client: stripe.StripeClient, control: SandboxControl) -> None:
    session = open_session(client)
    control.pay(session.url)
    expanded = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["line_items", "payment_intent.latest_charge.balance_transaction"]}
    )
    assert list(specification.faults("checkout.session", expanded.to_dict(for_json=True))) == []
    assert expanded.line_items.data[0].description == "Fall dues"
    assert expanded.payment_intent.latest_charge.balance_transaction.net == 5000 - 175
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.checkout.sessions.retrieve(session.id, {"expand": ["metadata"]})
