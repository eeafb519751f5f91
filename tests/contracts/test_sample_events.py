"""Stripe's sample events, sealed as Stripe seals them, read by the adapter."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stripe

from webapp.adapters import stripe_letters
from webapp.domain.payments.gateway import SignatureRefused
from webapp.domain.payments.inbox import KINDS

SAMPLES: dict[str, Any] = json.loads(
    (Path(__file__).parent / "specs" / "stripe-sample-events.json").read_text()
)
SECRET = "whsec_samples"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_event_is_read(name: str) -> None:
    event = SAMPLES[name]
    notice = read(json.dumps(event))
    assert notice.reference == event["id"]
    assert notice.kind == event["type"] == name.split(":", maxsplit=1)[0]
    assert notice.object_reference == event["data"]["object"]["id"]
    assert notice.happened_at.timestamp() == event["created"]
    assert notice.payload["object"] == event["data"]["object"]["object"]
    assert "billing_details" not in notice.payload


@pytest.mark.case("F20")
@pytest.mark.parametrize("name", SAMPLES)
def test_one_changed_byte_breaks_the_seal(name: str) -> None:
    body = json.dumps(SAMPLES[name])
    seal = stripe.WebhookSignature.generate_signature_header(body, SECRET)
    changed = body.replace("evt_", "evx_", 1).encode()
    with pytest.raises(SignatureRefused):
        stripe_letters.read_notice(changed, seal, SECRET, now=datetime.now(UTC))


def test_there_is_a_sample_of_every_kind_we_react_to() -> None:
    sampled = {name.split(":", maxsplit=1)[0] for name in SAMPLES}
    assert KINDS - sampled == set()


def read(body: str) -> Any:
    seal = stripe.WebhookSignature.generate_signature_header(body, SECRET)
    return stripe_letters.read_notice(body.encode(), seal, SECRET, now=datetime.now(UTC))
