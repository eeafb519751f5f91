"""A plan as days and payments pass: what counts toward it, what it costs, and how it ends."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from tests.domain.plans.conftest import TODAY, Chapter
from tests.jobs import JobRunner
from tests.processor import fresh
from webapp.core.db import db, new_id, transaction
from webapp.domain.billing import adjusting, late_fee_rules
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.billing.late_fees import LateFee
from webapp.domain.ledger import Event, JournalEntry
from webapp.domain.notifications import reminders
from webapp.domain.notifications.daily import pass_day
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Organization
from webapp.domain.payments import reversing, voiding
from webapp.domain.payments.payment import Payment
from webapp.domain.plans import ending, nightly
from webapp.domain.plans.plan import PaymentPlan, PlanInterest, PlanInvoice, PlanState
from webapp.domain.refunds import requesting
from webapp.domain.refunds.refund import How

LINKS = Links("https://dues.example.org", "secret")
RATE = Decimal("7.3")


def night(chapter: Chapter, on: date) -> dict[str, int]:
    with transaction() as session:
        return nightly.pass_day(session.get_one(Organization, chapter.organization.id), on)


def state(plan: PaymentPlan) -> PlanState:
    found: PlanState = fresh(PaymentPlan, plan.id).state
    return found


def test_payments_on_its_invoices_count_toward_the_installments_in_order(chapter: Chapter) -> None:
    plan = chapter.agree(chapter.wish(3, down_payment=20_000))

    chapter.pay(30_000)

    assert chapter.owed(plan) == [0, 10_000, 20_000, 20_000]
    progress = chapter.progress(plan)
    assert (progress.paid, progress.owed) == (30_000, 50_000)
    assert progress.to_pay(on=TODAY) == 10_000
    assert progress.to_pay(on=date(2026, 9, 30)) == 30_000


def test_what_was_paid_before_is_not_paid_of_the_plan(chapter: Chapter) -> None:
    chapter.pay(5_000)
    plan = chapter.agree()

    assert (fresh(PaymentPlan, plan.id).total, chapter.progress(plan).paid) == (75_000, 0)


def test_money_that_goes_back_opens_the_last_installment_again(chapter: Chapter) -> None:
    plan = chapter.agree(chapter.wish(2))
    payment = chapter.pay(50_000)
    assert chapter.owed(plan) == [0, 30_000]

    with transaction():
        reversing.reverse(payment.id, reason="The check bounced", by=chapter.admin, on=TODAY)

    assert fresh(Payment, payment.id).returned == 50_000
    assert chapter.owed(plan) == [40_000, 40_000]


def test_a_waiver_counts_like_a_payment_and_a_cancelled_invoice_as_paid(chapter: Chapter) -> None:
    plan = chapter.agree(chapter.wish(2))
    with transaction():
        waiver = Change(AdjustmentKind.WAIVER, 1_000, "Hardship")
        adjusting.adjust(chapter.held(chapter.invoices[0].id), waiver, by=None, on=TODAY)
        voiding.void(chapter.invoices[2].id, by=chapter.admin, reason="Billed twice", on=TODAY)

    assert chapter.owed(plan) == [29_000, 40_000]


def test_what_is_charged_on_an_invoice_beside_the_plan_is_not_part_of_it(chapter: Chapter) -> None:
    plan = chapter.agree(chapter.wish(2))
    with transaction():
        fee = Change(AdjustmentKind.FEE, 2_500, "A returned check")
        adjusting.adjust(chapter.held(chapter.invoices[0].id), fee, by=None, on=TODAY)
    assert chapter.progress(plan).owed == 80_000

    chapter.pay(82_500)
    assert chapter.progress(plan).owed == 0


def test_interest_is_charged_when_an_installment_falls_due_once_and_in_the_books(chapter: Chapter) -> None:
    plan = chapter.agree(chapter.wish(2, interest_rate=RATE))
    assert night(chapter, date(2026, 8, 30))["plan_interest"] == 0

    counts = [night(chapter, date(2026, 8, 31))["plan_interest"] for _ in range(2)]

    assert counts == [1, 0]
    charge = PlanInterest.here().all()[0]
    assert (charge.since, charge.until, charge.day_balances) == (TODAY, date(2026, 8, 31), 80_000 * 11)
    assert (charge.amount, charge.charged_on) == (176, date(2026, 8, 31))
    line = fresh(InvoiceLine, charge.line_id)
    assert (line.kind, line.amount, line.invoice_id) == (LineKind.PLAN_INTEREST, 176, chapter.invoices[0].id)
    entry = JournalEntry.here().first(JournalEntry.source_id == line.id)
    assert entry is not None and entry.event is Event.PLAN_INTEREST
    assert chapter.owed(plan) == [40_176, 40_000]


def test_interest_counts_money_from_the_day_it_came_in(chapter: Chapter) -> None:
    chapter.agree(chapter.wish(2, interest_rate=RATE))
    chapter.pay(30_000, on=date(2026, 8, 24))

    night(chapter, date(2026, 8, 31))

    assert PlanInterest.here().all()[0].day_balances == 80_000 * 4 + 50_000 * 7


def test_interest_that_is_paid_with_an_installment_bore_no_interest_itself(
    chapter: Chapter,
) -> None:
    chapter.agree(chapter.wish(2, interest_rate=RATE))
    night(chapter, date(2026, 8, 31))
    chapter.pay(40_176, on=date(2026, 9, 10))

    night(chapter, date(2026, 9, 30))

    second = PlanInterest.here().all(order_by=PlanInterest.until)[1]
    assert second.day_balances == 80_000 * 10 + 40_000 * 20


def test_what_is_paid_beside_the_plan_was_not_outstanding_on_it(chapter: Chapter) -> None:
    chapter.agree(chapter.wish(2, interest_rate=RATE))
    with transaction():
        fee = Change(AdjustmentKind.FEE, 2_500, "A returned check")
        adjusting.adjust(chapter.held(chapter.invoices[0].id), fee, by=None, on=TODAY)
    chapter.pay(42_500, on=date(2026, 8, 24))

    night(chapter, date(2026, 8, 31))

    assert PlanInterest.here().all()[0].day_balances == 80_000 * 4 + 40_000 * 7


def test_what_is_left_of_a_payment_that_went_back_in_part_counts_from_its_first_day(chapter: Chapter) -> None:
    chapter.agree(chapter.wish(2, interest_rate=RATE))
    payment = chapter.pay(30_000, on=date(2026, 8, 24))
    with transaction():
        back = requesting.Terms(1_000, How.CHECK, "Paid too much", reinstates_debt=True, check_number="77")
        requesting.request_refund(
            chapter.invoices[0].id, payment.id, back, by=chapter.admin, on=date(2026, 8, 30)
        )

    night(chapter, date(2026, 8, 31))

    assert PlanInterest.here().all()[0].day_balances == 80_000 * 4 + 51_000 * 7


def test_after_missed_nights_each_installment_is_charged_for_its_own_days(chapter: Chapter) -> None:
    chapter.agree(chapter.wish(3, interest_rate=RATE))

    assert night(chapter, date(2026, 10, 2))["plan_interest"] == 2

    charged = PlanInterest.here().all(order_by=PlanInterest.until)
    assert [(one.since, one.until, one.day_balances) for one in charged] == [
        (TODAY, date(2026, 8, 31), 80_000 * 11),
        (date(2026, 8, 31), date(2026, 9, 30), 80_000 * 30),
    ]


def test_whoever_pays_everything_early_pays_no_interest_that_is_not_earned(chapter: Chapter) -> None:
    plan = chapter.agree(chapter.wish(3, interest_rate=RATE))
    chapter.pay(80_000, on=date(2026, 8, 25))

    night(chapter, date(2026, 8, 31))

    assert (state(plan), PlanInterest.here().all()) == (PlanState.COMPLETED, [])
    assert not fresh(Invoice, chapter.invoices[0].id).on_plan


def test_an_installment_costs_interest_once_whatever_runs(chapter: Chapter) -> None:
    plan = chapter.agree(chapter.wish(2, interest_rate=RATE))
    night(chapter, date(2026, 8, 31))
    again = PlanInterest.here().all()[0]
    values = {name: getattr(again, name) for name in ("plan_id", "installment_id", "since", "until", "rate")}
    with pytest.raises(IntegrityError, match="uq_payment_plan_interest"), transaction() as session:
        session.add(PlanInterest(id=new_id(), **values, day_balances=0, amount=0, charged_on=TODAY))
    assert state(plan) is PlanState.ACTIVE


def test_a_void_invoice_takes_its_interest_out_of_the_books_again(chapter: Chapter) -> None:
    chapter.agree(chapter.wish(2, interest_rate=RATE))
    night(chapter, date(2026, 8, 31))

    with transaction():
        voiding.void(chapter.invoices[0].id, by=chapter.admin, reason="Billed twice", on=date(2026, 9, 1))

    assert len(JournalEntry.here().all(JournalEntry.reverses_id.is_not(None))) == 2


@pytest.mark.case("K32")
def test_while_a_plan_is_kept_its_invoices_cost_no_late_fee_and_get_no_reminder(chapter: Chapter) -> None:
    day = date(2026, 8, 26)
    organization = fresh_organization(chapter)
    assert len(db.session.execute(late_fee_rules.due(organization, day)).all()) == 3
    plan = chapter.agree()

    assert db.session.execute(late_fee_rules.due(organization, day)).all() == []
    assert reminders.due(organization, day) == []
    assert reminders.why_not(fresh(Invoice, chapter.invoices[0].id), chapter.member, on=day)

    with transaction():
        held = PaymentPlan.here().get(plan.id, lock=True)
        ending.cancel(held, by=chapter.treasurer, reason="Pays at once", on=day)
    assert len(db.session.execute(late_fee_rules.due(organization, day)).all()) == 3


def fresh_organization(chapter: Chapter) -> Organization:
    return db.session.get_one(Organization, chapter.organization.id)


@pytest.mark.case("K32")
def test_a_reminder_that_waits_to_be_sent_is_dropped_when_a_plan_is_agreed(
    chapter: Chapter, jobs: JobRunner
) -> None:
    with transaction():
        reminders.promise(fresh_organization(chapter), date(2026, 8, 20), LINKS)
    assert len(Mail.here().all(Mail.kind == MailKind.REMINDER)) == 1
    chapter.agree()

    jobs.run_all()

    [mail] = Mail.here().all(Mail.kind == MailKind.REMINDER)
    assert mail.note == "It is on a payment plan."


def test_a_plan_defaults_after_the_tolerance_and_its_invoices_cost_late_fees_from_then_on(
    chapter: Chapter, jobs: JobRunner
) -> None:
    plan = chapter.agree(chapter.wish(3))
    last = date(2026, 8, 31) + timedelta(days=10)

    with transaction():
        pass_day(fresh_organization(chapter), last, LINKS)
    assert (state(plan), LateFee.here().all()) == (PlanState.ACTIVE, [])

    with transaction():
        run, _ = pass_day(fresh_organization(chapter), last + timedelta(days=1), LINKS)
    jobs.run_all()

    assert (state(plan), run.counts["plans_defaulted"], run.counts["late_fees"]) == (
        PlanState.DEFAULTED,
        1,
        3,
    )
    assert not any(fresh(Invoice, one.id).on_plan for one in chapter.invoices)
    assert PlanInvoice.here().first(PlanInvoice.living) is None
    told = {mail.recipient for mail in Mail.here().all(Mail.once.startswith(f"plan_defaulted:{plan.id}"))}
    assert told == {chapter.member.email, chapter.treasurer.email}


def test_a_plan_does_not_default_while_a_payment_is_under_way(chapter: Chapter) -> None:
    plan = chapter.agree()
    with transaction():
        chapter.held(chapter.invoices[0].id).set_processing(True)

    assert night(chapter, date(2026, 10, 1))["plans_defaulted"] == 0
    assert state(plan) is PlanState.ACTIVE


def test_two_installments_are_paid_and_the_third_is_missed(chapter: Chapter) -> None:
    plan = chapter.agree(chapter.wish(3, down_payment=20_000))
    for day in (TODAY, date(2026, 8, 31), date(2026, 9, 30)):
        chapter.pay(20_000, on=day)
        night(chapter, day)
    assert state(plan) is PlanState.ACTIVE

    night(chapter, date(2026, 11, 11))

    assert state(plan) is PlanState.DEFAULTED
    assert chapter.owed(plan) == [0, 0, 0, 20_000]


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "America/Adak"])
def test_days_are_the_organizations_own(chapter: Chapter, timezone: str) -> None:
    """The earliest and the latest place on earth: the plan is accepted on the day it is there."""
    with transaction() as session:
        session.get_one(Organization, chapter.organization.id).timezone = timezone
    today = fresh_organization(chapter).today
    plan = chapter.agree(chapter.wish(2, starts_on=today, payment_day=today.day, down_payment=100), on=today)

    steps = chapter.progress(plan).steps
    assert (fresh(PaymentPlan, plan.id).accepted_on, steps[0].due_on, steps[1].due_on) == (today,) * 3
