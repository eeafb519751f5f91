"""The worker that gives money back is killed between any two things it does: one refund, booked once."""

from collections.abc import Callable

import pytest

from tests import factories
from tests.faults.office import Office
from tests.faults.stepper import Stepper, every_step, promised, take_over
from tests.processor import ADDRESSES
from tests.sandbox.control import SandboxControl
from webapp import at_processor
from webapp.core.clock import now
from webapp.core.db import transaction
from webapp.core.jobs import Job
from webapp.domain.ledger import Event, JournalEntry
from webapp.domain.organizations import Chapter, RoleName
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds.refund import How, Refund, RefundState
from webapp.domain.refunds.requesting import Terms, request_refund
from webapp.web import paying


@pytest.mark.case("F2")
def test_a_refund_is_made_and_booked_once_wherever_it_was_killed(
    office: Office, stripe: SandboxControl, start_stepper: Callable[..., Stepper]
) -> None:
    stepper = start_stepper()
    officer = factories.make_login("Tom Treasurer")
    factories.make_role(officer, RoleName.TREASURER, chapter=Chapter.here().get(office.chapter_id))

    def act(fail_at: str) -> bool:
        invoice_id = office.owed()
        checkout = paying.open_checkout(invoice_id, ADDRESSES)
        stripe.pay(checkout.url or "")
        at_processor.look_up(checkout.id)
        with transaction():
            terms = Terms(4_000, How.ORIGINAL, "Left the chapter")
            asked = request_refund(invoice_id, checkout.payment_id, terms, by=officer, on=now().date())
        died = stepper.dies(fail_at, "job", promised(office, Job.SUBMIT_REFUND).id)
        take_over()
        refund = next(one for one in office.all(Refund) if one.id == asked.refund.id)
        assert refund.state is RefundState.SUCCEEDED, fail_at
        made = [one for one in stripe.objects("refund") if one["metadata"]["refund_id"] == str(refund.id)]
        assert [one["id"] for one in made] == [refund.processor_reference], fail_at
        payment = next(one for one in office.all(Payment) if one.id == checkout.payment_id)
        assert (payment.returned, payment.reserved) == (4_000, 0), fail_at
        return died

    assert every_step(act) >= 6
    booked = [one for one in office.all(JournalEntry) if one.event is Event.REFUND]
    assert len(booked) == len(office.all(Refund))
