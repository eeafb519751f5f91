"""Somebody edits the database: an organization's processor keys are put in another's row, or damaged."""

from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.services import Database
from tests.web.world import ADMIN, World, enter
from webapp.core import tenancy
from webapp.domain.payments.inbox import ProcessorEvent
from webapp.domain.payments.payment import Payment, PaymentState


def edit(database: Database, world: World, change: str, *values: Any) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(
            f"UPDATE payment_processors p SET {change} WHERE p.id = %s", [*values, world.ids["processor_id"]]
        )


FROM_ELSEWHERE = "(SELECT {} FROM payment_processors o WHERE o.id <> p.id)"
DAMAGES = {
    "another's keys": "secret_key = " + FROM_ELSEWHERE.format("secret_key")
    + ", webhook_secret = " + FROM_ELSEWHERE.format("webhook_secret"),
    "its own keys changed over": "secret_key = webhook_secret, webhook_secret = secret_key",
    "cut off": "secret_key = left(secret_key, -6), webhook_secret = left(webhook_secret, -6)",
    "of a key that nobody has": "secret_key = 'v1.00000000.' || split_part(secret_key, '.', 3),"
    " webhook_secret = 'v1.00000000.' || split_part(webhook_secret, '.', 3)",
    "nothing": "secret_key = 'v1..', webhook_secret = 'v1..'",
}  # fmt: skip


@pytest.mark.case("A18")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_key_that_does_not_belong_there_is_refused_and_named_and_everything_else_goes_on(
    app: Flask, client: FlaskClient, world: World, elsewhere: World, database: Database, damage: str
) -> None:
    edit(database, world, DAMAGES[damage])
    pay = f"/o/{world.organization.slug}/pay/{world.links['visitors.pay']}"
    before = rows(world)

    assert client.get(pay).status_code == 200
    refused = client.post(f"{pay}/checkouts")
    assert refused.status_code == 503 and "sk_test" not in refused.text
    letter = f"/api/finances/webhooks/stripe/{world.organization.id}/{world.ids['processor_id']}/"
    assert client.post(letter, data=b"{}", headers={"Stripe-Signature": "t=1,v1=0"}).status_code == 503
    assert rows(world) == before

    enter(client, world.logins[ADMIN])
    said = client.get(f"/o/{world.organization.slug}/national/working").text
    assert "Nobody can pay online" in said
    checked = app.test_cli_runner().invoke(args=["duesbook", "check"])
    alarms = [line.split("\t") for line in checked.output.splitlines()]
    mine, theirs = (
        [line[2] for line in alarms if line[:2] == [one.organization.slug, "Keys of Stripe"]]
        for one in (world, elsewhere)
    )
    assert (checked.exit_code, mine, theirs) == (1, ["No"], ["Yes"])
    assert client.get("/readyz").status_code == 200


def rows(world: World) -> list[int]:
    """Payments that brought money, and what processors told."""
    with tenancy.acting_for(world.organization.id):
        paid = Payment.here().all(Payment.state == PaymentState.SUCCEEDED)
        return [len(paid), len(ProcessorEvent.here().all())]
