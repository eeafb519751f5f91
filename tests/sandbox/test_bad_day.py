"""What a person does at the dashboard to show a bad day: by its forms alone, and told in the wrong order."""

import re

import stripe

from tests.sandbox.conftest import event_types, paid_charge
from tests.sandbox.control import SandboxControl
from tests.sandbox.postbox import Postbox


def press(control: SandboxControl, object_id: str, label: str) -> None:
    """The button of this object on the dashboard, as a browser without scripts sends it."""
    forms = re.findall(
        r'<form method="post" action="(/sandbox/objects/([^/"]+)/[^"]+)">'
        r'<button type="submit" class="quiet"(?: name="(\w+)" value="(\w+)")?>([^<]+)<',
        control.browse("/").text,
    )
    [(action, name, value)] = [
        (action, name, value)
        for action, subject, name, value, words in forms
        if (subject, words) == (object_id, label)
    ]
    answer = control.browse(action, {name: value} if name else {})
    assert (answer.status, answer.location) == (303, "/")


def test_a_refund_fails_later_and_disputes_are_won_and_lost_all_told_backwards(
    client: stripe.StripeClient, control: SandboxControl, postbox: Postbox
) -> None:
    endpoint = control.register_endpoint("sk_test_chapters", postbox.url)["id"]
    held = control.browse(f"/sandbox/endpoints/{endpoint}/modes", {"hold": "true"})
    assert held.status == 303
    charges = [paid_charge(client, control) for _ in range(3)]
    refund = client.v1.refunds.create({"charge": charges[0].id, "amount": 1_000})
    press(control, refund.id, "Fail")
    press(control, charges[1].id, "Dispute")
    press(control, charges[2].id, "Inquiry")
    kept, asked = (
        client.v1.disputes.list({"charge": charge.id}).data[0].id for charge in (charges[1], charges[2])
    )
    press(control, kept, "Won")
    press(control, asked, "Escalate")
    press(control, asked, "Lost")
    press(control, asked, "Appeal")
    press(control, asked, "Lost")

    assert client.v1.refunds.retrieve(refund.id).status == "failed"
    assert [client.v1.disputes.retrieve(one).status for one in (kept, asked)] == ["won", "lost"]
    assert postbox.letters == []
    page = control.browse("/")
    assert "Release what is held, newest first" in page.text
    control.browse(f"/sandbox/endpoints/{endpoint}/release", {"order": "newest"})
    control.wait_for_webhooks()
    assert postbox.types == event_types(client)[::-1]
    assert {"refund.failed", "charge.dispute.closed", "charge.dispute.funds_reinstated"} <= set(postbox.types)


def test_a_debit_that_had_succeeded_comes_back_in_either_of_two_ways(
    client: stripe.StripeClient, control: SandboxControl
) -> None:
    for way in ("Return after success", "Fail after success"):
        charge = paid_charge(client, control, instrument="bank_waits")
        control.act(charge.payment_intent, "settlement")
        press(control, charge.id, way)
    failed, returned = client.v1.charges.list().data
    assert (failed.status, failed.failure_balance_transaction is not None) == ("failed", True)
    assert client.v1.disputes.list({"charge": returned.id}).data[0].status == "lost"
