import time

import pytest
import stripe

from tests.sandbox.conftest import KEY, event_types, open_session
from tests.sandbox.control import SandboxControl, eventually
from tests.sandbox.postbox import Postbox

SECRET = "whsec_known_to_both"


def registered(control: SandboxControl, postbox: Postbox, **values: object) -> str:
    return str(control.register_endpoint(KEY, postbox.url, secret=SECRET, **values)["id"])


def pay(client: stripe.StripeClient, control: SandboxControl) -> None:
    assert control.pay(open_session(client).url).status == 303


def test_an_endpoint_tells_its_secret_once_and_gets_what_it_asked_for(
    client: stripe.StripeClient, control: SandboxControl, postbox: Postbox
) -> None:
    made = client.v1.webhook_endpoints.create(
        {"url": postbox.url, "enabled_events": ["checkout.session.completed"]}
    )
    assert made.secret.startswith("whsec_")
    assert not hasattr(client.v1.webhook_endpoints.retrieve(made.id), "secret")
    pay(client, control)
    control.wait_for_webhooks()
    assert postbox.types == ["checkout.session.completed"]
    client.v1.webhook_endpoints.delete(made.id)
    pay(client, control)
    assert len(postbox.letters) == 1


def test_stripe_s_own_library_accepts_the_signature_and_no_other(
    client: stripe.StripeClient, control: SandboxControl, postbox: Postbox
) -> None:
    registered(control, postbox)
    pay(client, control)
    control.wait_for_webhooks()
    letter = postbox.letters[0]
    event = client.construct_event(letter.body, letter.signature, SECRET)
    assert event.api_version == "2026-10-28.endive"
    assert stripe.Webhook.construct_event(letter.body, letter.signature, SECRET).id == event.id
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(letter.body, letter.signature, "whsec_of_another_organization")


def test_anything_can_be_signed_at_any_time(client: stripe.StripeClient, control: SandboxControl) -> None:
    payload = '{"id": "evt_forged", "object": "event", "type": "charge.succeeded", "data": {"object": {}}}'
    assert client.construct_event(payload, control.sign(payload, SECRET), SECRET).id == "evt_forged"
    old = control.sign(payload, SECRET, timestamp=int(time.time()) - 3600)
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        client.construct_event(payload, old, SECRET)


def test_an_event_can_arrive_many_times_at_once(
    client: stripe.StripeClient, control: SandboxControl, postbox: Postbox
) -> None:
    endpoint = registered(control, postbox, enabled_events=["payment_intent.succeeded"])
    control.modes(endpoint, duplicates=10)
    pay(client, control)
    control.wait_for_webhooks()
    assert len(postbox.letters) == 10
    assert len({letter.event["id"] for letter in postbox.letters}) == 1


def test_events_can_arrive_in_the_wrong_order(
    client: stripe.StripeClient, control: SandboxControl, postbox: Postbox
) -> None:
    endpoint = registered(control, postbox)
    control.modes(endpoint, reorder=True)
    pay(client, control)
    control.wait_for_webhooks()
    assert postbox.types == event_types(client)[::-1]


def test_held_events_are_released_in_any_chosen_order(
    client: stripe.StripeClient, control: SandboxControl, postbox: Postbox
) -> None:
    endpoint = registered(control, postbox)
    control.modes(endpoint, hold=True)
    pay(client, control)
    control.wait_for_webhooks()
    assert postbox.letters == []
    ids = [event.id for event in client.v1.events.list().data]
    chosen = [ids[2], ids[0], ids[1]]
    assert [outcome["status"] for outcome in control.release(endpoint, chosen)] == [200, 200, 200]
    assert [letter.event["id"] for letter in postbox.letters] == chosen
    control.release(endpoint, "newest")
    assert len(postbox.letters) == 4


def test_dropped_events_never_arrive_but_can_be_found_and_sent_again(
    client: stripe.StripeClient, control: SandboxControl, postbox: Postbox
) -> None:
    endpoint = registered(control, postbox)
    control.modes(endpoint, drop=True)
    pay(client, control)
    control.wait_for_webhooks()
    assert postbox.letters == []
    missed = client.v1.events.list({"type": "checkout.session.completed", "delivery_success": False}).data[0]
    control.modes(endpoint, drop=False)
    assert control.deliver_again(missed.id, copies=2) == [{"status": 200, "detail": ""}] * 2
    assert postbox.types == ["checkout.session.completed"] * 2


def test_events_can_be_late(client: stripe.StripeClient, control: SandboxControl, postbox: Postbox) -> None:
    endpoint = registered(control, postbox, enabled_events=["payment_intent.succeeded"])
    control.modes(endpoint, delay=0.2)
    started = time.monotonic()
    pay(client, control)
    control.wait_for_webhooks()
    assert time.monotonic() - started >= 0.2
    assert len(postbox.letters) == 1


def test_a_refused_delivery_is_tried_again(
    client: stripe.StripeClient, control: SandboxControl, postbox: Postbox
) -> None:
    registered(control, postbox, enabled_events=["payment_intent.succeeded"])
    postbox.answers = [500, 302]
    pay(client, control)
    eventually(lambda: len(postbox.letters) == 3)
    control.wait_for_webhooks()
    event = client.v1.events.list({"type": "payment_intent.succeeded"}).data[0]
    assert [attempt["status"] for attempt in control.deliveries(event.id)[0]["attempts"]] == [500, 302, 200]


def test_events_tell_which_request_caused_them(client: stripe.StripeClient, control: SandboxControl) -> None:
    client.v1.customers.create({"name": "A"}, {"idempotency_key": "customer-1"})
    event = client.v1.events.list().data[0]
    assert event.request.idempotency_key == "customer-1"
    assert client.v1.events.retrieve(event.id).data.object.name == "A"


def test_an_endpoint_hears_of_its_own_account_only(
    control: SandboxControl, client: stripe.StripeClient, postbox: Postbox
) -> None:
    control.register_endpoint("sk_test_somebody_else", postbox.url)
    pay(client, control)
    control.wait_for_webhooks()
    assert postbox.letters == []
