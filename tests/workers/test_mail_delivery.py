import io
import subprocess
from datetime import date, timedelta

import psycopg
import pytest
from flask import Flask

from tests import factories
from tests.jobs import JobRunner
from tests.postmaster import Postmaster
from webapp import wiring
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, JobState, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import reminders
from webapp.domain.notifications.delivery import NO_ADDRESS, Mail, MailKind, MailState
from webapp.domain.organizations import Member, Organization, RoleName, invitations


def mails(*conditions: object) -> list[Mail]:
    statement = Mail.here().select(*conditions).order_by(Mail.id)  # type: ignore[arg-type]
    found = list(db.session.scalars(statement.execution_options(populate_existing=True)))
    db.session.rollback()
    return found


def text_of(pdf: bytes) -> str:
    drawn = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return drawn.stdout.decode()


def make_members(count: int, **changes: object) -> list[Member]:
    chapter, status = factories.make_chapter(), factories.make_status()
    return [factories.make_member(chapter, status, **changes) for _ in range(count)]


def bill_all(members: list[Member]) -> None:
    period = factories.make_period(due_on=date(2026, 9, 1), grace_ends_on=date(2026, 9, 1))
    schedule = factories.make_schedule(amount=25_000, status_id=members[0].status_id)
    factories.bill(period, schedule)


def test_every_billed_member_gets_the_invoice_by_mail_with_the_pdf_attached(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    members = make_members(3)
    bill_all(members)
    jobs.run_all()
    assert sorted(postmaster.recipients) == sorted(member.email for member in members)
    letter = postmaster.arrived[0]
    invoice = db.session.scalars(
        Invoice.here().select().join(Invoice.member).where(Member.email == str(letter["To"]))
    ).one()
    assert letter["Subject"] == f"Invoice {invoice.number}: $250.00 due September 1, 2026"
    assert str(letter["From"]) == "Pi Chi Fraternity <dues@localhost>"
    assert letter["Auto-Submitted"] == "auto-generated"
    text, html = (letter.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for part in (text, html):
        assert "$250.00" in part and "September 1, 2026" in part and "Hello Ana," in part
        assert f"http://localhost/o/{organization.slug}/pay/" in part
    (attachment,) = letter.iter_attachments()
    assert attachment.get_filename() == f"invoice-{invoice.number}.pdf"
    page = text_of(attachment.get_content())
    assert invoice.number in page and "$250.00" in page and "September 1, 2026" in page
    assert {mail.state for mail in mails()} == {MailState.SENT}


def test_a_run_that_is_announced_twice_is_mailed_once(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    bill_all(make_members(2))
    (announced,) = jobs.named("announce")
    for _ in range(2):
        with transaction():
            later(Job.ANNOUNCE, **announced.arguments)
        jobs.run_all()
    assert len(postmaster.arrived) == 2


@pytest.mark.case("K23")
def test_one_bad_address_is_seen_and_can_be_sent_again_and_holds_nobody_up(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    members = make_members(3)
    postmaster.unknown = {str(members[1].email)}
    bill_all(members)
    jobs.run_all()
    assert sorted(postmaster.recipients) == sorted(str(members[i].email) for i in (0, 2))
    (failed,) = mails(Mail.state == MailState.FAILED)
    assert failed.recipient == members[1].email
    assert "No such mailbox" in str(failed.note)

    admin = factories.make_admin()
    with transaction() as session:
        session.get_one(Member, (organization.id, members[1].id)).email = "right@members.example.org"
    with transaction():
        mail = Mail.here().get(failed.id, lock=True)
        mail.member = Member.here().get(members[1].id)
        mail.send_again(by=admin)
    jobs.run_all()
    assert postmaster.recipients[-1] == "right@members.example.org"
    assert {mail.state for mail in mails()} == {MailState.SENT}


@pytest.mark.case("F25")
def test_an_invoice_goes_out_again_with_the_same_id_when_the_server_died_before_it_answered(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    factories.make_invoice()
    postmaster.dies_after_data = 1
    jobs.run_all()
    (mail,) = mails()
    assert mail.state is MailState.QUEUED
    assert "may have arrived" in str(mail.note)
    jobs.skip_pauses()
    jobs.run_all()
    assert postmaster.message_ids == [mail.message_id, mail.message_id]
    assert mails()[0].state is MailState.SENT


@pytest.mark.case("F25")
def test_a_reminder_is_never_sent_twice_even_when_the_server_died_before_it_answered(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    remind_today(organization)
    jobs.run_all()
    postmaster.arrived.clear()
    postmaster.dies_after_data = 1
    pass_today(organization, jobs)
    (reminder,) = mails(Mail.kind == MailKind.REMINDER)
    assert reminder.may_have_arrived
    for _ in range(3):
        jobs.skip_pauses()
        jobs.run_all()
    assert len(postmaster.arrived) == 1
    assert {job.state for job in jobs.named("deliver_mails")} == {JobState.DONE}


@pytest.mark.case("F25")
def test_while_the_mail_server_is_away_mail_waits_and_nothing_is_lost(
    app: Flask, organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    reachable = app.config["SETTINGS"]
    app.config["SETTINGS"] = reachable.model_copy(update={"mail_url": "smtp://127.0.0.1:1"})
    factories.make_invoice()
    jobs.run_all()
    (waiting,) = mails()
    assert waiting.state is MailState.QUEUED and "does not answer" in str(waiting.note)
    app.config["SETTINGS"] = reachable
    jobs.skip_pauses()
    jobs.run_all()
    assert len(postmaster.arrived) == 1


def test_a_server_that_never_comes_back_leaves_a_failed_mail_to_see(
    app: Flask, organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"mail_url": "smtp://127.0.0.1:1"})
    factories.make_invoice()
    for _ in range(Job.DELIVER_MAILS.work.attempts):
        jobs.run_all()
        jobs.skip_pauses()
    assert mails()[0].state is MailState.FAILED


def test_a_greylisting_server_gets_the_mail_at_the_next_attempt(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    postmaster.asks_to_wait = 1
    bill_all(make_members(2))
    jobs.run_all()
    assert len(postmaster.arrived) == 1
    jobs.skip_pauses()
    jobs.run_all()
    assert len(set(postmaster.message_ids)) == len(postmaster.arrived) == 2


def test_an_invoice_that_was_voided_before_its_mail_left_is_not_mailed(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    invoice = factories.make_invoice()
    with transaction():
        found = Invoice.here().get(invoice.id, lock=True)
        found.void(by=None, reason="Wrong amount", on=date(2026, 7, 2))
    jobs.run_all()
    assert postmaster.arrived == []


def test_a_member_without_an_address_is_listed_for_printing(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    bill_all(make_members(1, email=None))
    jobs.run_all()
    (mail,) = mails()
    assert (mail.state, mail.note) == (MailState.DROPPED, NO_ADDRESS)
    assert postmaster.arrived == []


def test_a_demo_organization_mails_nobody_real(
    app: Flask, organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    with transaction() as session:
        session.get_one(Organization, organization.id).is_demo = True
    factories.make_invoice()
    jobs.run_all()
    assert postmaster.arrived == []
    (mail,) = mails()
    kept = app.config["SETTINGS"].data / "mail" / f"{mail.id}.eml"
    assert mail.state is MailState.SENT and kept.is_file()


@pytest.mark.case("A16")
def test_no_name_or_address_adds_a_header_or_a_recipient(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    with transaction() as session:
        changed = session.get_one(Organization, organization.id)
        changed.sender_name = "Pi Chi\r\nBcc: all@example.com\r\n\r\nHello"
        changed.reply_to = "office@pichi.example.org"
    chapter, status = factories.make_chapter(), factories.make_status()
    good = factories.make_member(chapter, status, first_name="Eve\r\nBcc: x@example.com {{ 7**29 }}<script>")
    factories.make_member(chapter, status, email="a@example.org\r\nRCPT TO:<b@example.org>")
    bill_all([good])
    jobs.run_all()
    assert postmaster.recipients == [good.email]
    (arrived,) = postmaster.arrived
    assert arrived["Bcc"] is None and arrived["Reply-To"] == "office@pichi.example.org"
    assert arrived["From"].addresses[0].addr_spec == "dues@localhost"
    html = arrived.get_body(("html",)).get_content()
    assert "<script>" not in html and str(7**29) not in html
    assert [mail.state for mail in mails()].count(MailState.FAILED) == 1


HOSTILE_NAMES = {
    "lines": "Pi Chi\r\nBcc: all@example.com\r\n\r\n<h1>Hello</h1>",
    "a folded line": "Pi Chi\n\tBcc: all@example.com",
    "lines of other kinds": "Pi Chi\x0b\x0c\x1c\x85\u2028\u2029Bcc: all@example.com",
    "hidden turns": "Pi Chi \u202egro.elpmaxe@lla\u202c \u2066x\u2069\u200b\ufeff",
    "an encoded word": "=?utf-8?q?Pi=0D=0ABcc:_all@example.com?=",
    "length": "Pi Chi Fraternity " * 500,
    "one long word": "Ω" * 5_000,
}


@pytest.mark.case("A6", "A16")
@pytest.mark.parametrize("name", list(HOSTILE_NAMES.values()), ids=list(HOSTILE_NAMES))
def test_what_stands_in_a_subject_adds_no_header_and_hides_nothing(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner, name: str
) -> None:
    with transaction() as session:
        session.get_one(Organization, organization.id).name = name
    admin, secret = factories.make_admin(), wiring.settings().secret_key
    with transaction():
        invitations.invite("new@example.org", RoleName.AUDITOR, by=admin, secret=secret)
    jobs.run_all()
    [arrived] = postmaster.arrived
    assert postmaster.recipients == ["new@example.org"]
    assert set(arrived.keys()) <= {
        "Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"
    }  # fmt: skip
    assert arrived["From"].addresses[0].addr_spec == "dues@localhost"
    assert str(arrived["Subject"]).startswith("You are invited to ")
    assert len(str(arrived["Subject"])) <= 200 and str(arrived["Subject"]).isprintable()
    head = arrived.as_bytes().partition(b"\n\n")[0]
    assert max(len(line) for line in head.splitlines()) <= 998


def test_a_mail_is_in_good_order_for_every_mail_program(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    bill_all(make_members(1, first_name="Ελένη", last_name="王"))
    jobs.run_all()
    (letter,) = postmaster.arrived
    assert letter.get_content_type() == "multipart/mixed"
    assert "Hello Ελένη," in letter.get_body(("plain",)).get_content()
    raw = letter.as_bytes()
    assert max(len(line) for line in io.BytesIO(raw)) < 1000


@pytest.mark.case("F25")
@pytest.mark.parametrize(("kind", "again"), [(MailKind.INVOICE, True), (MailKind.REMINDER, False)])
def test_a_worker_that_died_while_handing_over_leaves_a_mail_that_is_treated_by_its_kind(
    organization: Organization,
    postmaster: Postmaster,
    jobs: JobRunner,
    kind: MailKind,
    again: bool,
) -> None:
    remind_today(organization)
    jobs.run_all()
    with transaction():
        reminders.promise(organization, organization.today, wiring.links())
    (mail,) = mails(Mail.kind == kind)
    with transaction():
        Mail.here().get(mail.id, lock=True).begin("The worker dies here")
        later(Job.DELIVER_MAILS, mails=str(mail.id))
    postmaster.arrived.clear()
    jobs.run_all()
    assert (mail.message_id in postmaster.message_ids) is again


def test_nothing_is_handed_over_inside_a_transaction(
    organization: Organization, postmaster: Postmaster, jobs: JobRunner
) -> None:
    """While a mail is on its way its row is free: a payment arriving now waits for no mail server."""
    invoice = factories.make_invoice()
    database = wiring.settings().database_owner_url
    free: list[bool] = []
    postmaster.while_arriving = lambda: free.append(is_free(invoice, database))
    jobs.run_all()
    assert free == [True]


def is_free(invoice: Invoice, database: str) -> bool:
    with psycopg.connect(database) as connection:
        here = [str(invoice.organization_id)]
        connection.execute("SELECT set_config('app.organization_id', %s, true)", here)
        query = "SELECT 1 FROM mails WHERE invoice_id = %s FOR UPDATE SKIP LOCKED"
        return connection.execute(query, [invoice.id]).fetchone() is not None


def remind_today(organization: Organization) -> Invoice:
    today = organization.today
    return factories.make_invoice(due_on=today, grace_ends_on=today + timedelta(days=10))


def pass_today(organization: Organization, jobs: JobRunner) -> None:
    with transaction():
        later(Job.DAILY, day=organization.today.isoformat())
    jobs.run_all()
