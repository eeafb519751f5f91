"""What a process remembers of those whom processors write to, and that it opens nothing once it is not so."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest

from tests.processor import WEBHOOK_SECRET, Shop, post_webhook
from tests.statements import statements
from webapp import wiring
from webapp.core import at_once
from webapp.core.db import transaction
from webapp.domain.payments import inbox
from webapp.domain.payments.gateway import Notice
from webapp.domain.payments.inbox import ProcessorEvent
from webapp.domain.payments.processor import PaymentProcessor
from webapp.web import addressees

OTHER_SECRET = "whsec_" + "changed" * 4


@pytest.fixture
def events(shop: Shop) -> list[dict[str, Any]]:
    """One that has arrived, and others that have not."""
    shop.pay(shop.open(shop.owed()))
    told = shop.events()
    assert shop.deliver(told[0]) == 200
    return told


def change_secret(shop: Shop, secret: str) -> None:
    with transaction():
        PaymentProcessor.here().get(shop.processor.id).change_keys(
            secret_key=None, webhook_secret=secret, keys=wiring.key_ring(), by=None
        )


def stored() -> set[str]:
    return {event.event_reference for event in ProcessorEvent.here().all()}


def test_a_further_letter_is_one_statement(shop: Shop, events: list[dict[str, Any]]) -> None:
    processor, body = shop.processor, json.dumps(events[1])
    with statements() as sent:
        assert post_webhook(shop.client, processor, body) == 200
    assert len(sent) == 1
    assert stored() == {events[0]["id"], events[1]["id"]}


def test_a_secret_that_was_changed_a_moment_ago_opens_nothing_and_the_new_one_does(
    shop: Shop, events: list[dict[str, Any]]
) -> None:
    change_secret(shop, OTHER_SECRET)
    body = json.dumps(events[1])
    assert post_webhook(shop.client, shop.processor, body, secret=WEBHOOK_SECRET) == 400
    assert stored() == {events[0]["id"]}
    assert post_webhook(shop.client, shop.processor, body, secret=OTHER_SECRET) == 200
    assert stored() == {events[0]["id"], events[1]["id"]}


def test_a_letter_opened_with_the_secret_of_before_is_not_stored(
    shop: Shop, events: list[dict[str, Any]]
) -> None:
    """The one that changes it comes between reading and storing."""
    known = addressees.remembered(shop.organization.id, shop.processor.id)
    assert known is not None and known.secret == WEBHOOK_SECRET
    change_secret(shop, OTHER_SECRET)
    notice = Notice(events[1]["id"], "charge.updated", "ch_1", known.now, {})
    with pytest.raises(inbox.SecretChanged):
        inbox.take_in(
            at_once.ask,
            known.processor,
            notice,
            found_by=inbox.BY_WEBHOOK,
            opened_with=known.processor.webhook_secret,
        )
    assert stored() == {events[0]["id"]}


def test_after_a_minute_it_is_asked_again(
    shop: Shop, events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, processor = shop.organization.id, shop.processor
    known = addressees.remembered(here, processor.id)
    assert known is not None and 0 <= known.age < addressees.REMEMBERED_FOR
    passed = time.monotonic() + addressees.REMEMBERED_FOR
    monkeypatch.setattr("time.monotonic", lambda: passed)
    assert addressees.remembered(here, processor.id) is None
    assert known.now - known.asked_at >= timedelta(seconds=addressees.REMEMBERED_FOR)
