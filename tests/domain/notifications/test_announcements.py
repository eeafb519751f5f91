import re
from datetime import date

from tests import factories
from tests.jobs import JobRunner
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, later
from webapp.domain.billing import undoing
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.run import BillingRun
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.organizations import (
    Invitation,
    Login,
    Member,
    Organization,
    RoleName,
    invitations,
    password_reset,
)
from webapp.domain.payments import offline
from webapp.domain.payments.payment import Method, Payment
from webapp.wiring import mail_folder, settings


def mailed(kind: MailKind) -> list[Mail]:
    found = list(Mail.here().all(Mail.kind == kind, order_by=Mail.id))
    db.session.rollback()
    return found


def text_of(mail: Mail) -> str:
    return mail_folder().read(str(mail.id)).text


def pay(invoice: Invoice, amount: int) -> None:
    with transaction():
        loaded = Invoice.here().get(invoice.id)
        member = Member.here().get(loaded.member_id)
        offline.record_offline(
            member, amount, method=Method.CHECK, reference="1024", on=date(2026, 8, 1), by=None
        )


def test_a_payer_gets_a_receipt_with_the_settled_invoice_attached(
    organization: Organization, jobs: JobRunner
) -> None:
    invoice = factories.make_invoice(10_000)
    pay(invoice, 4_000)
    jobs.run_all()
    (receipt,) = mailed(MailKind.RECEIPT)
    assert receipt.subject == "Receipt: $40.00 received, thank you"
    text = text_of(receipt)
    assert f"Invoice {invoice.number}: $40.00" in text and "$60.00 is still owed" in text
    assert "Reference: 1024" in text
    (attached,) = mail_folder().read(str(receipt.id)).attachments
    assert attached.name == f"invoice-{invoice.number}.pdf"


def test_what_was_paid_twice_is_told_to_the_member_and_to_the_chapters_treasurer(
    organization: Organization, jobs: JobRunner
) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    member = factories.make_member(chapter, status)
    treasurer = factories.make_login("Tom Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=chapter)
    invoice = factories.make_invoice(10_000, member=member)
    pay(invoice, 12_500)
    with transaction():
        payment = Payment.here().first()
        later(Job.ANNOUNCE, what="paid_twice", payment_id=payment.id)
    jobs.run_all()
    [to_treasurer], [to_member] = mailed(MailKind.PAID_TWICE), mailed(MailKind.CREDIT_NOTE)
    assert (to_treasurer.recipient, to_member.recipient) == (treasurer.email, member.email)
    assert member.name in text_of(to_treasurer)
    assert "$25.00 of it was not owed" in " ".join(text_of(to_member).split())
    [letter] = mail_folder().read(str(to_member.id)).attachments
    assert letter.name == "credit-note-CN-2026-000001.pdf"


def test_a_failed_payment_is_told_with_its_reason_and_a_way_to_try_again(
    organization: Organization, jobs: JobRunner
) -> None:
    invoice = factories.make_invoice(10_000)
    with transaction() as session:
        payment = Payment(
            member_id=invoice.member_id,
            chapter_id=invoice.chapter_id,
            method=Method.CARD,
            amount=10_000,
            currency="USD",
            failure_message="Your card was declined.",
        )
        session.add(payment)
    with transaction():
        later(Job.ANNOUNCE, what="payment_failed", payment_id=payment.id)
    jobs.run_all()
    (mail,) = mailed(MailKind.PAYMENT_FAILED)
    assert "Your card was declined." in text_of(mail)


def test_an_invitation_arrives_with_a_link_that_works(organization: Organization, jobs: JobRunner) -> None:
    with transaction():
        invitations.invite("new@example.org", RoleName.AUDITOR, by=None, secret=settings().secret_key)
    jobs.run_all()
    (mail,) = mailed(MailKind.INVITATION)
    assert mail.details.keys() == {"invitation_id"}, "the row holds no token"
    found = re.search(rf"http://localhost/o/{organization.slug}/invitations/([\w-]+)", text_of(mail))
    assert found and invitations.find(found[1]).email == "new@example.org"


def test_an_invitation_that_is_sent_again_is_another_mail_and_a_withdrawn_one_is_none(
    organization: Organization, jobs: JobRunner
) -> None:
    admin = factories.make_admin()
    with transaction():
        made = invitations.invite("new@example.org", RoleName.AUDITOR, by=None, secret=settings().secret_key)
    jobs.run_all()
    with transaction():
        Invitation.here().get(made.id, lock=True).send_again(by=admin)
    jobs.run_all()
    assert len(mailed(MailKind.INVITATION)) == 2
    with transaction():
        found = Invitation.here().get(made.id, lock=True)
        found.send_again(by=admin)
        found.withdraw(by=admin)
    jobs.run_all()
    assert [mail.state for mail in mailed(MailKind.INVITATION)] == [
        MailState.SENT,
        MailState.SENT,
        MailState.DROPPED,
    ]


def test_a_forgotten_password_brings_a_link_that_works(organization: Organization, jobs: JobRunner) -> None:
    login = factories.make_admin()
    with transaction():
        password_reset.ask(str(login.email))
    jobs.run_all()
    (mail,) = mailed(MailKind.FORGOTTEN)
    found = re.search(r"http://localhost/password-reset/([\w-]+)", text_of(mail))
    assert found and password_reset.read(found[1], settings().secret_key).id == login.id


def test_a_new_link_goes_to_the_address_on_file(organization: Organization, jobs: JobRunner) -> None:
    invoice = factories.make_invoice()
    with transaction():
        for _ in range(2):
            later(Job.ANNOUNCE, what="new_pay_link", invoice_id=invoice.id)
    jobs.run_all()
    (mail,) = mailed(MailKind.NEW_LINK)
    assert f"/o/{organization.slug}/pay/" in text_of(mail)


def test_members_who_got_an_invoice_hear_that_the_run_was_undone(
    organization: Organization, jobs: JobRunner
) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    member = factories.make_member(chapter, status)
    asks, agrees = factories.make_admin("Ann"), factories.make_admin("Bob")
    period, schedule = factories.make_period(), factories.make_schedule()
    run = factories.bill(period, schedule, by=asks)
    jobs.run_all()
    undo(run, agrees, jobs)
    (mail,) = mailed(MailKind.CANCELLATION)
    assert mail.recipient == member.email
    assert "Wrong amount" in text_of(mail)


def undo(run: BillingRun, by: Login, jobs: JobRunner) -> None:
    with transaction():
        undoing.request(BillingRun.here().get(run.id, lock=True), by=by, reason="Wrong amount")
    jobs.run_all()
