from datetime import date, timedelta

import pytest

from tests import factories
from tests.jobs import JobRunner
from tests.web.specimens import make_dispute
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.spreading import only
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.notifications import daily, reminders
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments import offline
from webapp.domain.payments.payment import Method, Payment

LINKS = Links("http://localhost", "a secret")
DUE = date(2026, 9, 1)


def owed_invoice(**changes: object) -> Invoice:
    """Due on 1 September; the usual steps are 7 days before, on the day, 7 and 21 days after."""
    return factories.make_invoice(**({"due_on": DUE, "grace_ends_on": DUE} | changes))  # type: ignore[arg-type]


def steps(organization: Organization, on: date) -> list[int]:
    found = [one.offset for one in reminders.due(organization, on)]
    db.session.rollback()
    return found


def pass_day(organization: Organization, day: date) -> dict[str, int]:
    with transaction():
        run, _ = daily.pass_day(organization, day, LINKS)
    return dict(run.counts)


def reminder_states() -> list[tuple[int, MailState]]:
    found = Mail.here().all(Mail.kind == MailKind.REMINDER, order_by=Mail.id)
    return [(mail.details["offset"], mail.state) for mail in found]


def test_each_step_goes_out_on_its_day_and_once(organization: Organization) -> None:
    owed_invoice()
    seen = {}
    for after in range(-10, 30):
        day = DUE + timedelta(days=after)
        if count := pass_day(organization, day)["reminders"]:
            seen[after] = count
    assert seen == {-7: 1, 0: 1, 7: 1, 21: 1}


def test_the_same_day_again_reminds_nobody_twice(organization: Organization) -> None:
    owed_invoice()
    assert pass_day(organization, DUE)["reminders"] == 1
    assert pass_day(organization, DUE) == {
        "reminders": 1,
        "overdue": 0,
        "plans_completed": 0,
        "plan_interest": 0,
        "autopay": 0,
        "card_retries": 0,
        "plans_defaulted": 0,
        "installments": 0,
        "ending_cards": 0,
        "late_fees": 0,
        "credited": 0,
        "dispute_deadlines": 0,
        "cleared_away": 0,
    }
    with transaction():
        assert reminders.promise(organization, DUE, LINKS) == 0
    assert len(reminder_states()) == 1


def test_after_missed_nights_only_the_latest_step_goes_out(organization: Organization) -> None:
    owed_invoice()
    with transaction():
        DuesSettings.of(organization).change(by=None, reminder_days=[-1, 0, 2])
    assert steps(organization, DUE + timedelta(days=3)) == [2]
    assert steps(organization, DUE + timedelta(days=6)) == [2]
    assert steps(organization, DUE + timedelta(days=7)) == [], "by now it would only surprise"


def test_an_invoice_just_issued_is_not_reminded_of_the_steps_before_it(organization: Organization) -> None:
    owed_invoice(due_on=date(2026, 7, 5), grace_ends_on=date(2026, 7, 5))
    assert steps(organization, date(2026, 7, 1)) == []
    assert steps(organization, date(2026, 7, 5)) == [0]


def test_no_steps_no_reminders(organization: Organization) -> None:
    owed_invoice()
    with transaction():
        DuesSettings.of(organization).change(by=None, reminder_days=[])
    assert steps(organization, DUE) == []


def test_reminders_pause_for_a_member_until_the_day_that_was_agreed(organization: Organization) -> None:
    invoice = owed_invoice()
    with transaction() as session:
        member = session.get_one(Member, (organization.id, invoice.member_id))
        member.reminders_paused_until = DUE
    assert steps(organization, DUE) == []
    assert steps(organization, DUE + timedelta(days=1)) == [0]


def test_nobody_is_reminded_of_what_is_paid_or_void_or_under_way(organization: Organization) -> None:
    paid, void, under_way = (owed_invoice() for _ in range(3))
    pay(paid)
    with transaction():
        Invoice.here().get(void.id, lock=True).void(by=None, reason="A mistake", on=DUE)
        Invoice.here().get(under_way.id, lock=True).set_processing(True)
    assert steps(organization, DUE) == []


@pytest.mark.case("K32")
def test_a_reminder_that_waits_is_not_sent_once_the_invoice_is_paid(
    organization: Organization, jobs: JobRunner
) -> None:
    invoice = reminded_today(organization)
    pay(invoice)
    jobs.run_all()
    assert reminder_states() == [(0, MailState.DROPPED)]
    (dropped,) = Mail.here().all(Mail.kind == MailKind.REMINDER)
    assert dropped.note == "Nothing is owed any more."


@pytest.mark.case("K32")
@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        ("void", "The invoice was voided meanwhile."),
        ("debit", "A payment is under way."),
        ("dispute", "A payment of it is disputed."),
        ("pause", "Reminders to this member are paused."),
    ],
)
def test_whatever_happens_before_it_leaves_keeps_a_reminder_back(
    organization: Organization, jobs: JobRunner, happens: str, reason: str
) -> None:
    invoice = reminded_today(organization)
    if happens == "dispute":
        pay(invoice, 100)
    with transaction() as session:
        found = Invoice.here().get(invoice.id, lock=True)
        if happens == "void":
            found.void(by=None, reason="A mistake", on=organization.today)
        elif happens == "debit":
            found.set_processing(True)
        elif happens == "dispute":
            session.add(make_dispute(Payment.here().all()[0]))
        else:
            member = session.get_one(Member, (organization.id, invoice.member_id))
            member.reminders_paused_until = organization.today
    jobs.run_all()
    (dropped,) = Mail.here().all(Mail.kind == MailKind.REMINDER)
    assert (dropped.state, dropped.note) == (MailState.DROPPED, reason)


@pytest.mark.case("K32")
def test_nobody_is_reminded_while_the_bank_contests_a_part(organization: Organization) -> None:
    invoice = owed_invoice()
    pay(invoice, 100)
    assert steps(organization, DUE) == [0]
    with transaction() as session:
        session.add(make_dispute(Payment.here().all()[0]))
    assert steps(organization, DUE) == []


def test_tomorrows_preview_is_what_leaves_tomorrow(organization: Organization) -> None:
    for _ in range(3):
        owed_invoice()
    preview = {one.invoice_id for one in reminders.due(organization, DUE)}
    db.session.rollback()
    pass_day(organization, DUE)
    sent = {mail.invoice_id for mail in Mail.here().all(Mail.kind == MailKind.REMINDER)}
    assert preview == sent and len(sent) == 3


def test_the_day_marks_what_became_overdue(organization: Organization) -> None:
    invoice = owed_invoice()
    assert pass_day(organization, DUE)["overdue"] == 0
    assert pass_day(organization, DUE + timedelta(days=1))["overdue"] == 1
    assert Invoice.here().get(invoice.id, lock=True).status is InvoiceStatus.OVERDUE


def test_the_command_does_a_day_and_says_what_it_did(organization: Organization, app: object) -> None:
    owed_invoice()
    db.session.rollback()
    runner = app.test_cli_runner()  # type: ignore[attr-defined]
    answer = runner.invoke(args=["jobs", "daily", organization.slug, "--on", "2026-09-02"])
    assert answer.output.split("\t")[1:] == ["2026-09-02", "1", "1", "done\n"]
    again = runner.invoke(args=["jobs", "daily", organization.slug, "--on", "2026-09-02"])
    assert "was done before" in again.output
    nobody = runner.invoke(args=["jobs", "daily"])
    assert nobody.exit_code == 1 and "Name one organization" in nobody.output


def reminded_today(organization: Organization) -> Invoice:
    today = organization.today
    invoice = factories.make_invoice(due_on=today, grace_ends_on=today + timedelta(days=5))
    with transaction():
        assert reminders.promise(organization, today, LINKS) == 1
    return invoice


def pay(invoice: Invoice, amount: int | None = None) -> None:
    with transaction() as session:
        member = session.get_one(Member, (invoice.organization_id, invoice.member_id))
        offline.record_offline(
            member,
            amount or invoice.billed,
            method=Method.CHECK,
            on=date(2026, 8, 1),
            by=None,
            spread=only(invoice),
        )
