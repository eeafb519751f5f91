"""A process is killed between any two things it does: another finishes it, and nothing is doubled."""

from collections.abc import Callable

import pytest

from tests import factories
from tests.faults.office import Office
from tests.faults.stepper import Stepper, every_step, promised, take_over
from tests.jobs import JobRunner
from tests.postmaster import Postmaster
from tests.processor import ADDRESSES
from tests.sandbox.control import SandboxControl
from webapp import wiring
from webapp.core import at_once
from webapp.core.clock import now
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, OutboxJob
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.notifications import reminders
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.organizations import Member
from webapp.domain.payments import inbox
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.web import paying


@pytest.mark.case("F1")
@pytest.mark.case("F2")
@pytest.mark.case("K17")
def test_opening_a_checkout_leads_to_one_page_wherever_it_was_killed(
    office: Office, stripe: SandboxControl, start_stepper: Callable[..., Stepper]
) -> None:
    stepper = start_stepper()

    def act(fail_at: str) -> bool:
        invoice_id = office.owed()
        died = stepper.dies(fail_at, "checkout", invoice_id)
        db.session.rollback()
        found = paying.open_checkout(invoice_id, ADDRESSES)
        sessions = [
            made
            for made in stripe.objects("checkout.session")
            if made["metadata"]["invoice_id"] == str(invoice_id)
        ]
        assert [session["id"] for session in sessions] == [found.session_reference], fail_at
        assert found.state is CheckoutState.LIVE and found.attempt == 1
        return died

    assert every_step(act) >= 5


@pytest.mark.case("F2")
@pytest.mark.case("K17")
def test_reacting_to_a_payment_books_it_once_wherever_it_was_killed(
    office: Office, stripe: SandboxControl, start_stepper: Callable[..., Stepper]
) -> None:
    stepper = start_stepper()

    def act(fail_at: str) -> bool:
        invoice_id = office.owed()
        checkout = paying.open_checkout(invoice_id, ADDRESSES)
        stripe.pay(checkout.url or "")
        gateway = wiring.gateway_for(office.processor)
        for notice in gateway.recent_notices(now().replace(year=2020)):
            inbox.take_in(at_once.ask, office.processor, notice, found_by=inbox.BY_WEBHOOK)
        died = stepper.dies(fail_at, "job", promised(office, Job.REACT_TO_EVENT).id)
        take_over()
        db.session.rollback()
        invoice = next(one for one in office.all(Invoice) if one.id == invoice_id)
        assert (invoice.status, invoice.paid) == (InvoiceStatus.PAID, 40_000), fail_at
        stripe.reset()
        return died

    assert every_step(act) >= 7
    assert {payment.state for payment in office.all(Payment)} == {PaymentState.SUCCEEDED}
    told = [job.dedupe_key for job in office.all(OutboxJob) if job.name == "announce"]
    assert len(told) == len(set(told)) == len(office.all(Payment))
    assert {checkout.state for checkout in office.all(Checkout)} == {CheckoutState.PAID}


@pytest.fixture
def postmaster(office: Office, mail_server: tuple[Postmaster, str]) -> Postmaster:
    """Whoever takes over sends to this server as well."""
    config = office.installation.app.config
    config["SETTINGS"] = config["SETTINGS"].model_copy(update={"mail_url": mail_server[1]})
    office.installation.environment["MAIL_URL"] = mail_server[1]
    return mail_server[0]


MAILING = ["commit", "committed", "handed over"]
"""The last: the mail server has it, and nobody noted so."""


def a_reminder_is_due(office: Office) -> None:
    organization = office.organization
    today = organization.today
    dates = {"due_on": today, "grace_ends_on": today}
    factories.make_invoice(member=Member.here().get(office.member_id), **dates)
    with transaction():
        assert reminders.promise(organization, today, wiring.links()) == 1


def an_invoice_is_announced(office: Office) -> None:
    factories.make_invoice(member=Member.here().get(office.member_id))
    JobRunner(OutboxJob.name == "announce").run_all()


def newest(office: Office, kind: MailKind) -> Mail:
    return max((mail for mail in office.all(Mail) if mail.kind is kind), key=lambda mail: mail.id)


@pytest.mark.case("F2")
@pytest.mark.case("F25")
def test_a_reminder_is_never_sent_twice_wherever_its_worker_was_killed(
    office: Office, postmaster: Postmaster, start_stepper: Callable[..., Stepper]
) -> None:
    stepper = start_stepper()

    def act(fail_at: str) -> bool:
        postmaster.arrived.clear()
        a_reminder_is_due(office)
        died = stepper.dies(fail_at, "job", promised(office, Job.DELIVER_MAILS).id)
        take_over(mailing=True)
        mail = newest(office, MailKind.REMINDER)
        got = postmaster.message_ids.count(mail.message_id)
        assert got <= 1, fail_at
        assert (mail.state is MailState.SENT, mail.may_have_arrived) in ((got == 1, False), (False, True))
        assert not fail_at.startswith("handed over:1") or (got, mail.may_have_arrived) == (1, True)
        return died

    assert every_step(act, MAILING) >= 9


@pytest.mark.case("F2")
@pytest.mark.case("F25")
def test_an_invoice_is_mailed_for_certain_and_always_as_the_same_message_wherever_its_worker_was_killed(
    office: Office, postmaster: Postmaster, start_stepper: Callable[..., Stepper]
) -> None:
    stepper = start_stepper()

    def act(fail_at: str) -> bool:
        postmaster.arrived.clear()
        an_invoice_is_announced(office)
        died = stepper.dies(fail_at, "job", promised(office, Job.DELIVER_MAILS).id)
        take_over(mailing=True)
        mail = newest(office, MailKind.INVOICE)
        assert mail.state is MailState.SENT, fail_at
        assert postmaster.message_ids in ([mail.message_id], [mail.message_id] * 2), fail_at
        return died

    assert every_step(act, MAILING) >= 9
