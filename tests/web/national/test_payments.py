import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from tests import factories
from tests.processor import Shop, fresh
from webapp.core.audit import AuditEntry
from webapp.core.db import transaction
from webapp.domain.organizations import RoleName
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import FeeState, Payment
from webapp.domain.payments.processor import PaymentProcessor


@pytest.fixture
def office(shop: Shop, sign_in: Callable[..., Any]) -> str:
    """The national admin is signed in; the address of the office's pages."""
    sign_in(shop.client, factories.make_admin())
    return f"/o/{shop.organization.slug}/national"


@pytest.fixture
def auditor(shop: Shop, sign_in: Callable[..., Any]) -> Any:
    login = factories.make_login("Olga Auditor")
    factories.make_role(login, RoleName.AUDITOR)
    browser = shop.client.application.test_client()
    sign_in(browser, login)
    return browser


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_list_shows_payments_and_filters_by_its_address(shop: Shop, office: str) -> None:
    online = shop.paid(shop.owed(40_000))
    check = shop.record(shop.owed(10_000), 12_500)
    assert len(rows_of(shop.client.get(f"{office}/payments/?format=csv"))) == 2
    [row] = rows_of(shop.client.get(f"{office}/payments/?format=csv&needs=credited"))
    assert (row["method"], row["amount"], row["credited"], row["reference"]) == (
        "check",
        "125.00",
        "25.00",
        "1024",
    )
    [row] = rows_of(shop.client.get(f"{office}/payments/?format=csv&method=card&state=succeeded"))
    assert (row["fee"], row["reference"]) == ("11.90", online.intent_reference)
    page = shop.client.get(f"{office}/payments/?q=1024")
    assert page.status_code == 200
    assert f"/payments/{check.id}/" in page.text and str(online.id) not in page.text
    assert "No payments match" in shop.client.get(f"{office}/payments/?q=nobody").text


def test_an_empty_list_says_so(shop: Shop, office: str) -> None:
    assert "No payments yet" in shop.client.get(f"{office}/payments/").text


def test_a_payment_s_page_says_what_it_settles(shop: Shop, office: str) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    shop.refund(10_000)
    shop.hear()
    page = shop.client.get(f"{office}/payments/{payment.id}/")
    assert page.status_code == 200
    for expected in (invoice.number, "$11.90", "Visa •••• 4242", "$100.00", "Taken back"):
        assert expected in page.text


def test_a_person_confirms_a_fee_with_a_reason(shop: Shop, office: str) -> None:
    shop.sandbox.settings(fee_delay=None)
    payment = shop.paid(shop.owed())
    page = f"{office}/payments/{payment.id}/"
    assert "Confirm the fee by hand" in shop.client.get(page).text
    refused = shop.client.post(f"{page}fee", data={"fee": "500.00", "reason": "Dashboard"})
    assert refused.status_code == 422 and "between zero and the payment" in refused.text
    assert shop.client.post(f"{page}fee", data={"fee": "11.90"}).status_code == 422
    answer = shop.client.post(f"{page}fee", data={"fee": "11.90", "reason": "Read in the dashboard"})
    assert answer.status_code == 303
    booked = fresh(Payment, payment.id)
    assert (booked.fee_state, booked.fee, booked.allocated) == (FeeState.CONFIRMED, 1_190, 40_000)


def test_an_auditor_reads_payments_and_confirms_nothing(shop: Shop, office: str, auditor: Any) -> None:
    shop.sandbox.settings(fee_delay=None)
    payment = shop.paid(shop.owed())
    page = auditor.get(f"{office}/payments/{payment.id}/")
    assert page.status_code == 200 and "Confirm the fee by hand" not in page.text
    assert auditor.post(f"{office}/payments/{payment.id}/fee", data={"fee": "1"}).status_code == 403


@pytest.mark.parametrize("path", ["payments/", "webhook-log/", "processors/"])
def test_a_stranger_sees_none_of_it(shop: Shop, office: str, path: str, sign_in: Callable[..., Any]) -> None:
    browser = shop.client.application.test_client()
    sign_in(browser, factories.make_login("Sam Stranger"))
    assert browser.get(f"{office}/{path}").status_code == 404


def test_the_webhook_log_shows_each_event_once_and_how_often_it_came(shop: Shop, office: str) -> None:
    shop.paid(shop.owed())
    [completed] = shop.events("checkout.session.completed")
    shop.deliver(completed)
    [row] = rows_of(shop.client.get(f"{office}/webhook-log/?format=csv&kind=session.completed"))
    assert (row["event"], row["deliveries"], row["state"]) == (completed["id"], "2", "done")
    page = shop.client.get(f"{office}/webhook-log/?state=ignored")
    assert page.status_code == 200 and "payment_intent.created" in page.text


def test_a_failed_reaction_can_be_tried_again(shop: Shop, office: str) -> None:
    shop.paid(shop.owed())
    with transaction():
        event = ProcessorEvent.here().all(ProcessorEvent.kind == "checkout.session.completed")[0]
        event.handled(DeliveryState.FAILED, "The key was wrong.")
    assert "Try again" in shop.client.get(f"{office}/webhook-log/").text
    assert shop.client.post(f"{office}/webhook-log/{event.id}/reactions").status_code == 303
    shop.work()
    assert fresh(ProcessorEvent, event.id).state is DeliveryState.DONE


def test_connecting_tests_the_key_and_shows_where_webhooks_go(shop: Shop, office: str) -> None:
    with transaction():
        shop.processor.disconnect(by=None)
    form = {"name": "Stripe 2026", "secret_key": "sk_test_new", "webhook_secret": ""}
    answer = shop.client.post(f"{office}/processors/", data=form)
    assert answer.status_code == 303
    [made] = PaymentProcessor.here().all(PaymentProcessor.active.is_(True))
    page = shop.client.get(answer.location)
    assert f"/api/finances/webhooks/stripe/{shop.organization.id}/{made.id}/" in page.text
    assert "The connection works" in page.text and "One step is left" in page.text
    assert made.tested_at is not None and made.test_error is None


def test_a_key_that_does_not_work_is_said_in_words(shop: Shop, office: str) -> None:
    answer = shop.client.post(
        f"{office}/processors/{shop.processor_id}/", data={"name": "Stripe", "secret_key": "sk_nonsense"}
    )
    assert answer.status_code == 303
    assert "does not accept this secret key" in shop.client.get(answer.location).text


@pytest.mark.parametrize("key", ["pk_test_1", "sk_ test", "nonsense"])
def test_what_is_no_secret_key_is_refused_before_it_is_stored(shop: Shop, office: str, key: str) -> None:
    answer = shop.client.post(
        f"{office}/processors/{shop.processor_id}/", data={"name": "Stripe", "secret_key": key}
    )
    assert answer.status_code == 422 and "starts with sk_" in answer.text


def test_secrets_are_stored_encrypted_and_never_shown(shop: Shop, office: str) -> None:
    form = {"name": "Stripe", "secret_key": "sk_test_canary", "webhook_secret": "whsec_canary"}
    shop.client.post(f"{office}/processors/{shop.processor_id}/", data=form)
    stored = fresh(PaymentProcessor, shop.processor_id)
    assert "canary" not in f"{stored.secret_key}{stored.webhook_secret}"
    page = shop.client.get(f"{office}/processors/{shop.processor_id}/")
    assert "canary" not in page.text
    audited = AuditEntry.here().all(AuditEntry.action == "change_processor_keys")
    assert [entry.after for entry in audited] == [{"changed": ["secret_key", "webhook_secret"]}]


def test_disconnecting_stops_new_payments_and_lets_old_ones_settle(shop: Shop, office: str) -> None:
    checkout = shop.open(shop.owed())
    payment_id = checkout.payment_id
    shop.pay(checkout)
    assert shop.client.post(f"{office}/processors/{shop.processor_id}/disconnection").status_code == 303
    shop.hear()
    assert fresh(Payment, payment_id).allocated == 40_000


def test_an_auditor_reads_the_processors_and_changes_nothing(shop: Shop, office: str, auditor: Any) -> None:
    page = auditor.get(f"{office}/processors/{shop.processor_id}/")
    assert page.status_code == 200 and "Save and test" not in page.text
    assert auditor.post(f"{office}/processors/{shop.processor_id}/tests").status_code == 403


def test_disconnecting_is_confirmed_with_what_is_under_way_and_can_be_taken_back(
    shop: Shop, office: str
) -> None:
    page = f"{office}/processors/{shop.processor_id}"
    asked = shop.client.get(f"{page}/disconnection")
    assert "Disconnect Stripe?" in asked.text and "No payment is under way" in asked.text
    assert fresh(PaymentProcessor, shop.processor_id).active
    assert shop.client.post(f"{page}/disconnection").status_code == 303
    assert "Reconnect Stripe" in shop.client.get(f"{page}/").text
    assert shop.client.post(f"{page}/reconnection").status_code == 303
    assert "The connection works" in shop.client.get(f"{page}/").text
    assert fresh(PaymentProcessor, shop.processor_id).active


def test_a_processor_is_renamed_without_touching_its_keys(shop: Shop, office: str) -> None:
    before = shop.processor.secret_key
    answer = shop.client.post(f"{office}/processors/{shop.processor_id}/", data={"name": "Card payments"})
    assert answer.status_code == 303
    changed = fresh(PaymentProcessor, shop.processor_id)
    assert (changed.name, changed.secret_key) == ("Card payments", before)
    nameless = shop.client.post(f"{office}/processors/{shop.processor_id}/", data={"name": ""})
    assert nameless.status_code == 422 and "Give it a name." in nameless.text
