"""Autopay that is held up by something else than the member's method: kept, said, and over by itself."""

import pytest

from tests.autopaying import Kept, keep
from tests.processor import Shop
from webapp.core.db import db, transaction
from webapp.core.jobs import JobState
from webapp.domain.payments.payment import PaymentState
from webapp.domain.plans import autopay, hold_ups, outlook
from webapp.domain.plans.hold_ups import HoldUp
from webapp.domain.plans.plan import PlanState


@pytest.fixture
def kept(shop: Shop) -> Kept:
    return keep(shop)


def held_up(kept: Kept) -> HoldUp | None:
    db.session.rollback()
    return hold_ups.of(autopay.of_each([kept.plan_id])[kept.plan_id])


def counted() -> int:
    return len(db.session.execute(hold_ups.held_up()).all())


def test_what_the_processor_refuses_is_kept_since_the_first_night_and_asked_again_each_night(
    kept: Kept,
) -> None:
    kept.turn_on()
    kept.shop.sandbox.fault("refusal", method="POST", path="/v1/payment_intents", count=2)
    kept.night()
    kept.night(days=1)

    found = held_up(kept)
    assert found is not None and found.since == kept.day(0)
    assert "cannot currently make live charges" in found.reason and counted() == 1
    assert [(one.state, one.failure_message) for one in kept.payments] == [
        (PaymentState.EXPIRED, found.reason)
    ] * 2
    assert {one.state for one in kept.shop.jobs.named("collect_installment")} == {JobState.DONE}

    kept.night(days=2)
    assert held_up(kept) is None and counted() == 0 and kept.owed[0] == 0


def test_a_processor_that_will_not_even_be_looked_at_holds_it_up_and_no_job_is_given_up(kept: Kept) -> None:
    kept.turn_on()
    kept.shop.sandbox.fault("refusal", method="GET", path="/v1/payment_intents")

    kept.night()

    assert held_up(kept) is not None and kept.payments == []
    assert {one.state for one in kept.shop.jobs.named("collect_installment")} == {JobState.DONE}


def test_silence_is_said_until_the_processor_answers_again(kept: Kept) -> None:
    kept.turn_on()
    kept.shop.sandbox.fault("server_error", method="POST", path="/v1/payment_intents", count=2)
    kept.night()
    found = held_up(kept)
    assert found is not None and "does not answer right now" in found.reason
    kept.shop.sandbox.no_faults()

    kept.shop.work_later()

    assert held_up(kept) is None and kept.owed[0] == 0


def test_what_was_paid_by_hand_meanwhile_holds_nothing_up(kept: Kept) -> None:
    kept.turn_on()
    kept.shop.sandbox.fault("refusal", method="POST", path="/v1/payment_intents")
    kept.night()
    kept.shop.record(kept.invoices[0], 10_000)

    kept.promise(days=1)

    assert held_up(kept) is None


def test_a_processor_that_was_disconnected_holds_it_up_until_it_is_connected_again(kept: Kept) -> None:
    kept.turn_on()
    with transaction():
        kept.shop.processor.disconnect(by=None)
    kept.night()

    [current] = outlook.current_of(kept.shop.member_id)
    seen = current.outlook
    assert kept.payments == [] and seen is not None and seen.on is None and counted() == 1
    assert seen.held_up is not None and "is not connected any more" in seen.held_up.reason

    with transaction():
        kept.shop.processor.reconnect(by=None)
    kept.night(days=1)
    assert held_up(kept) is None and kept.owed[0] == 0 and kept.plan.state is PlanState.ACTIVE
