"""The worker that collects an installment is killed between any two things: one charge, booked once."""

from collections.abc import Callable

import pytest

from tests.autopaying import Kept, agree, keep
from tests.faults.office import Office
from tests.faults.stepper import Stepper, every_step, promised, take_over
from tests.jobs import JobRunner
from tests.processor import Shop
from tests.sandbox.control import SandboxControl
from webapp.core.db import db
from webapp.core.jobs import Job
from webapp.domain.ledger import Event, JournalEntry
from webapp.domain.payments.payment import Payment, PaymentState


@pytest.mark.case("F2", "K2")
def test_an_installment_is_collected_and_booked_once_wherever_the_worker_was_killed(
    office: Office, stripe: SandboxControl, start_stepper: Callable[..., Stepper]
) -> None:
    stepper = start_stepper()
    kept = keep(shop_of(office, stripe))
    method = kept.turn_on()

    def act(fail_at: str) -> bool:
        plan_id, invoices = agree(kept.shop, kept.ana, kept.treasurer)
        round_ = Kept(kept.shop, kept.ana, kept.treasurer, plan_id, invoices)
        round_.choose(method)
        round_.promise_job()
        died = stepper.dies(fail_at, "job", promised(office, Job.COLLECT_INSTALLMENT).id)
        take_over()
        db.session.rollback()
        assert round_.owed == [0, 10_000, 10_000, 10_000], fail_at
        about = str(round_.parts[0].id)
        made = [one for one in stripe.objects("payment_intent") if one["metadata"]["installment_id"] == about]
        assert [one["status"] for one in made] == ["succeeded"], fail_at
        return died

    assert every_step(act) >= 6
    payments = office.all(Payment)
    assert {one.state for one in payments} == {PaymentState.SUCCEEDED}
    booked = [one for one in office.all(JournalEntry) if one.event is Event.PAYMENT_RECEIVED]
    assert len(booked) == len(payments) == len(stripe.objects("payment_intent"))


def shop_of(office: Office, stripe: SandboxControl) -> Shop:
    client = office.installation.app.test_client()
    ids = office.processor_id, office.chapter_id, office.member_id
    return Shop(office.organization, stripe, client, JobRunner(), *ids)
