"""What is refused, in Stripe's words."""

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import client_with, open_session
from tests.sandbox.control import SandboxControl
from webapp.sandbox import specification


def refusal_of(client: stripe.StripeClient, **changes: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        open_session(client, **changes)
    assert list(specification.faults("error", refusal.value.json_body)) == []
    return refusal.value


@pytest.mark.parametrize("unknown", ["payment_method_types", "colour"])
def test_unknown_parameters_are_refused(client: stripe.StripeClient, unknown: str) -> None:
    refusal = refusal_of(client, **{unknown: ["card"]})
    assert refusal.http_status == 400
    assert (refusal.code, refusal.param) == ("parameter_unknown", unknown)
    assert str(refusal).endswith(f"Received unknown parameter: {unknown}")


def test_unknown_parameters_are_refused_at_every_depth(client: stripe.StripeClient) -> None:
    refusal = refusal_of(
        client, line_items=[{"quantity": 1, "price_data": {"currency": "usd", "colour": "red"}}]
    )
    assert refusal.param == "line_items[0][price_data][colour]"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"line_items": [{"quantity": 1, "price_data": {"unit_amount": 500}}]}, "parameter_missing",
         "line_items[0][price_data][currency]"),
        ({"line_items": [{"quantity": "two"}]}, "parameter_invalid_integer", "line_items[0][quantity]"),
        ({"mode": "gift"}, None, "mode"),
        ({"success_url": ""}, "parameter_invalid_empty", "success_url"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"customer": "cus_unknown"}, "resource_missing", "customer"),
        ({"client_reference_id": "x" * 201}, "parameter_invalid_string_length", "client_reference_id"),
        ({"payment_intent_data": {"statement_descriptor_suffix": "DUES*"}}, None,
         "payment_intent_data[statement_descriptor_suffix]"),
        ({"metadata": {"k" * 41: "long key"}}, None, f"metadata[{'k' * 41}]"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(
    client: stripe.StripeClient, changes: dict[str, Any], code: str | None, param: str
) -> None:
    refusal = refusal_of(client, **changes)
    assert (refusal.http_status, refusal.code, refusal.param) == (400, code, param)


def test_fifty_cents_is_the_least_and_currencies_have_to_exist(client: stripe.StripeClient) -> None:
    assert open_session(client, 50).amount_total == 50
    with pytest.raises(stripe.InvalidRequestError) as too_small:
        open_session(client, 49)
    assert too_small.value.code == "amount_too_small"
    with pytest.raises(stripe.InvalidRequestError, match="Invalid currency: xyz"):
        client.v1.payment_intents.create({"amount": 500, "currency": "xyz"})
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payment_intents.create({"amount": 500})
    assert (missing.value.code, missing.value.param) == ("parameter_missing", "currency")


def test_a_wrong_key_is_refused_without_being_repeated(control: SandboxControl) -> None:
    client = client_with(control, "sk_live_1234567890abcdef")
    with pytest.raises(stripe.AuthenticationError) as refusal:
        client.v1.accounts.retrieve_current()
    assert refusal.value.http_status == 401
    assert "1234567890ab" not in str(refusal.value)


def test_a_request_without_a_key_is_refused(control: SandboxControl) -> None:
    assert control.browse("/v1/account").status == 401


def test_each_key_is_an_account_that_sees_only_its_own(control: SandboxControl) -> None:
    ours, theirs = client_with(control, "sk_test_ours"), client_with(control, "sk_test_theirs")
    session = open_session(ours)
    assert ours.v1.accounts.retrieve_current().id != theirs.v1.accounts.retrieve_current().id
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        theirs.v1.checkout.sessions.retrieve(session.id)
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
    assert theirs.v1.checkout.sessions.list().data == []


def test_the_connection_can_be_tested(client: stripe.StripeClient, control: SandboxControl) -> None:
    control.name_account("sk_test_chapters", "Pi Chi Fraternity")
    account = client.v1.accounts.retrieve_current()
    assert account.id.startswith("acct_")
    assert (account.charges_enabled, account.settings.dashboard.display_name) == (True, "Pi Chi Fraternity")


def test_what_the_sandbox_does_not_do_is_said(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.APIError, match="does not answer GET /v1/payouts"):
        client.v1.payouts.list()
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.raw_request("get", "/v1/nothing")


def test_lists_are_paged_and_filtered(client: stripe.StripeClient) -> None:
    made = [open_session(client).id for _ in range(5)]
    first = client.v1.checkout.sessions.list({"limit": 2})
    assert ([one.id for one in first.data], first.has_more) == ([made[4], made[3]], True)
    second = client.v1.checkout.sessions.list({"limit": 3, "starting_after": made[3]})
    assert ([one.id for one in second.data], second.has_more) == ([made[2], made[1], made[0]], False)
    back = client.v1.checkout.sessions.list({"limit": 2, "ending_before": made[2]})
    assert [one.id for one in back.data] == [made[4], made[3]]
    assert [one.id for one in client.v1.checkout.sessions.list({"limit": 2}).auto_paging_iter()] == made[::-1]
    client.v1.checkout.sessions.expire(made[0])
    assert [one.id for one in client.v1.checkout.sessions.list({"status": "expired"}).data] == [made[0]]
    expanded = client.v1.checkout.sessions.list({"limit": 1, "expand": ["data.line_items"]})
    assert expanded.data[0].line_items.data[0].amount_total == 5000
    assert client.v1.events.list({"created": {"gt": 4_000_000_000}}).data == []
    assert len(client.v1.events.list({"types": ["checkout.session.expired", "charge.failed"]}).data) == 1


def test_requests_received_are_kept_for_the_test_to_see(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    client.v1.customers.create({"name": "A"}, {"idempotency_key": "customer-1"})
    received = control.requests("/v1/customers", "POST")
    assert [(one["idempotency_key"], one["status"], one["replayed"]) for one in received] == [
        ("customer-1", 200, 0)
    ]
